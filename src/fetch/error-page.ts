/**
 * The page that a client gets in development when a handler failed: what was thrown and where. Plain HTML, no script.
 */

/** Makes the page. `errors` are what was thrown, the latest first. */
export function errorPage(title: string, errors: readonly unknown[]): string {
  const parts = errors.map((error) => `<pre>${Bun.escapeHTML(describe(error))}</pre>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${Bun.escapeHTML(title)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 60rem; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.25rem }
pre { overflow-x: auto; padding: 1rem; border-left: 4px solid #c0392b; background: #f6f6f6; font-size: 0.875rem }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1b1b1b } pre { background: #262626 } }
</style>
</head>
<body>
<h1>${Bun.escapeHTML(title)}</h1>
${parts.join("\n")}
<p>This page is shown in development only. Set <code>NODE_ENV=production</code> or <code>development: false</code> to send a short answer instead.</p>
</body>
</html>
`;
}

function describe(error: unknown): string {
  return Bun.inspect(error, { colors: false });
}
