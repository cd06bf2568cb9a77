/**
 * The page that a client gets in development when a handler failed: what was thrown, the source lines that threw it, and
 * how the program came there. Plain HTML, no script; nothing that was thrown becomes markup, and nothing makes it fail.
 */
import { type Excerpt, excerptOf, framesOf } from "./source-excerpt.ts";

/** An error and its causes are shown to this depth. */
const MAX_DEPTH = 5;

/** Makes the page. `errors` are what was thrown, the latest first. */
export function errorPage(title: string, errors: readonly unknown[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${Bun.escapeHTML(title)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 60rem; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1rem; font-weight: normal; color: #666 }
h2 { font-size: 1.25rem; white-space: pre-wrap; overflow-wrap: anywhere; margin-bottom: 0.25rem }
pre { overflow-x: auto; padding: 1rem; border-left: 4px solid #999; background: #f6f6f6; font-size: 0.875rem; line-height: 1.5 }
pre.source { border-color: #c0392b }
mark { display: inline-block; min-width: 100%; color: inherit; background: #f9d9d5 }
.place { margin: 0; color: #666 }
@media (prefers-color-scheme: dark) {
body { color: #ddd; background: #1b1b1b } h1, .place { color: #999 } pre { background: #262626 } mark { background: #5a2620 }
}
</style>
</head>
<body>
<h1>${Bun.escapeHTML(title)}</h1>
${errors.map((error) => section(error, "", 0)).join("\n")}
<p>This page is shown in development only. Set <code>NODE_ENV=production</code> or <code>development: false</code> to send a short answer instead.</p>
</body>
</html>
`;
}

function section(thrown: unknown, before: string, depth: number): string {
  try {
    if (thrown instanceof Error) return errorSection(thrown, before, depth);
    return `<h2>${before}thrown:</h2>\n${block("value", inspect(thrown))}`;
  } catch {
    return "<h2>what was thrown cannot be shown</h2>\n<pre></pre>";
  }
}

function errorSection(error: Error, before: string, depth: number): string {
  const frames = framesOf(error);
  const excerpt = excerptOf(frames);
  const place = excerpt?.frame ?? frames[0];
  const parts = [`<h2>${before}${Bun.escapeHTML(`${error.name}: ${error.message}`)}</h2>`];
  if (place !== undefined) parts.push(`<p class="place">${Bun.escapeHTML(placeOf(place))}</p>`);
  if (excerpt !== null) parts.push(`<pre class="source">${numbered(excerpt)}</pre>`);
  const stack = frames.map((frame) => `at ${frame.name || "<anonymous>"} (${placeOf(frame)})`);
  parts.push(block("stack", stack.length === 0 ? "no line of the program" : stack.join("\n")));
  const details = detailsOf(error);
  if (details !== "") parts.push(block("details", details));
  if (depth < MAX_DEPTH) {
    for (const inner of error instanceof AggregateError ? error.errors.slice(0, MAX_DEPTH) : []) {
      parts.push(section(inner, "one of: ", depth + 1));
    }
    if (error.cause !== undefined) parts.push(section(error.cause, "caused by: ", depth + 1));
  }
  return parts.join("\n");
}

function placeOf({ path, line, column }: { path: string; line: number; column: number }): string {
  return column === 0 ? `${path}:${line}` : `${path}:${line}:${column}`;
}

/** The lines with their numbers; the one that threw is marked, with a caret under the column. */
function numbered({ frame, firstLine, lines }: Excerpt): string {
  const width = String(firstLine + lines.length - 1).length;
  return lines
    .map((line, index) => {
      const number = firstLine + index;
      const text = Bun.escapeHTML(`${String(number).padStart(width)} | ${line}`);
      if (number !== frame.line) return text;
      if (frame.column === 0 || frame.column > line.length + 1) return `<mark>${text}</mark>`;
      // Tabs stay tabs, so that the caret stands under its character.
      const indent = line.slice(0, frame.column - 1).replace(/[^\t]/g, " ");
      return `<mark>${text}\n${" ".repeat(width)} | ${indent}^</mark>`;
    })
    .join("\n");
}

/** What an error carries beside the usual, such as `code` and `path`. */
function detailsOf(error: Error): string {
  const usual = [
    "name",
    "message",
    "stack",
    "cause",
    "errors",
    "line",
    "column",
    "sourceURL",
    "originalLine",
  ];
  const others = Object.entries(error).filter(([key]) => !usual.includes(key));
  return others.map(([key, value]) => `${key}: ${inspect(value)}`).join("\n");
}

function inspect(value: unknown): string {
  return Bun.inspect(value, { colors: false, depth: 4 });
}

function block(kind: string, text: string): string {
  return `<pre class="${kind}">${Bun.escapeHTML(text)}</pre>`;
}
