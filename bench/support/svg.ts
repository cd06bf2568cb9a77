/**
 * Charts as SVG text: bars in groups, and lines over a logarithmic scale. Pure, no dependency.
 *
 * The colours are in a style sheet inside of the SVG, with a second set for readers who prefer dark: an <img> in a README
 * follows the reader's theme. Series are told apart by colour and, for lines, by the marker. Every bar has its figure
 * beside it; every mark has a <title> that browsers show.
 */

const FONT = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif";
const LIGHT = ["#8c959f", "#bc4c00", "#0969da", "#54aeff", "#8250df", "#1a7f37", "#bf3989", "#9a6700"];
const DARK = ["#9198a1", "#f0883e", "#4493f8", "#a5d6ff", "#ab7df8", "#3fb950", "#db61a2", "#d29922"];

/** The rules of a theme. Plain classes, no variables: few programs but browsers know those. */
function theme(ink: string, faint: string, rule: string, colours: readonly string[]): string {
  const series = colours.map((colour, index) => `.f${index}{fill:${colour}}.l${index}{stroke:${colour}}`);
  return `text{fill:${ink}}.faint{fill:${faint}}.rule{stroke:${rule}}.one{stroke:${faint}}${series.join("")}`;
}

const STYLE = `
text{font:12px ${FONT}}.small{font-size:11px}.title{font-size:16px;font-weight:600}
.rule,.one{stroke-width:1}.one{stroke-dasharray:3 3}.line{fill:none;stroke-width:2}.dashed{stroke-dasharray:5 4}
${theme("#1f2328", "#59636e", "#d1d9e0", LIGHT)}
@media (prefers-color-scheme:dark){${theme("#f0f6fc", "#9198a1", "#3d444d", DARK)}}`;
const WIDTH = 840;

/** Replaces what XML does not take as text. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** One bar group of a bar chart: a label, and a value for each series; NaN for none. */
export interface BarGroup {
  readonly label: string;
  readonly values: readonly number[];
}

/** What a bar chart shows. */
export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  /** Names of the bars of a group, and the numbers of their colours. */
  readonly series: readonly { readonly label: string; readonly colour: number }[];
  readonly groups: readonly BarGroup[];
  /** Where the axis ends; longer bars are cut, with their figure. */
  readonly limit: number;
  /** A value that is marked across all groups; null for none. */
  readonly reference: { readonly value: number; readonly label: string } | null;
  /** Writes the figure beside a bar. */
  readonly format: (value: number) => string;
}

/** What a line chart shows; both axes are logarithmic. */
export interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly lines: readonly {
    readonly label: string;
    /** Number of the colour; lines of one server share it. */
    readonly colour: number;
    readonly isDashed: boolean;
    readonly points: readonly { readonly x: number; readonly y: number }[];
  }[];
}

const colour = (index: number): number => index % LIGHT.length;
const place = (value: number): string => value.toFixed(1).replace(/\.0$/, "");

function text(x: number, y: number, content: string, more: string = ""): string {
  return `<text x="${place(x)}" y="${place(y)}"${more}>${escapeXml(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return `<line class="${kind}" x1="${place(x1)}" y1="${place(y1)}" x2="${place(x2)}" y2="${place(y2)}"/>`;
}

function frame(title: string, subtitle: string, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}</style>`,
    text(0, 18, title, ' class="title"'),
    text(0, 38, subtitle, ' class="faint"'),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** The names of the series, in rows from the left; gives the parts and the height that they take. */
function legend(
  top: number,
  labels: readonly { label: string; mark: (x: number, y: number) => string }[],
): {
  parts: string[];
  height: number;
} {
  const parts: string[] = [];
  let x = 0;
  let y = top;
  for (const { label, mark } of labels) {
    const width = 30 + label.length * 7;
    if (x + width > WIDTH) {
      x = 0;
      y += 20;
    }
    parts.push(mark(x, y), text(x + 22, y, label));
    x += width + 10;
  }
  return { parts, height: y - top + 20 };
}

/** Draws horizontal bars, a group for each row of the data. */
export function barChart(chart: BarChart): string {
  const { series, groups, limit, reference, format } = chart;
  const [left, right, bar, gap] = [220, WIDTH - 60, 13, 12];
  const scale = (value: number): number => left + (Math.min(value, limit) / limit) * (right - left);
  const names = legend(
    62,
    series.map((each) => ({
      label: each.label,
      mark: (x, y) =>
        `<rect x="${x}" y="${y - 10}" width="14" height="11" rx="2" class="f${colour(each.colour)}"/>`,
    })),
  );
  const top = 62 + names.height + (reference === null ? 0 : 16);
  const parts: string[] = [];
  let y = top;
  for (const group of groups) {
    const begin = y;
    group.values.forEach((value, index) => {
      if (!Number.isFinite(value)) return;
      const end = scale(value);
      const figure = format(value) + (value > limit ? " →" : "");
      parts.push(
        `<rect x="${left}" y="${y + 1}" width="${place(end - left)}" height="${bar - 2}" rx="2" class="f${colour(series[index]!.colour)}"><title>${escapeXml(`${group.label}, ${series[index]!.label}: ${figure}`)}</title></rect>`,
        text(end + 5, y + bar - 3, figure, ' class="small faint"'),
      );
      y += bar;
    });
    if (y === begin) continue;
    parts.push(text(left - 10, (begin + y) / 2 + 4, group.label, ' text-anchor="end"'));
    y += gap;
  }
  const rules: string[] = [line(left, top - 4, left, y - gap + 4, "rule")];
  if (reference !== null) {
    const at = scale(reference.value);
    rules.push(
      line(at, top - 4, at, y - gap + 4, "one"),
      text(at, top - 8, reference.label, ' class="small faint" text-anchor="middle"'),
    );
  }
  return frame(chart.title, chart.subtitle, y + 8, [...names.parts, ...rules, ...parts]);
}

/** Powers of ten, and 2 and 5 times them, from at most `low` to at least `high`. */
export function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let decade = 10 ** Math.floor(Math.log10(low)); decade <= high * 10; decade *= 10)
    ticks.push(decade, 2 * decade, 5 * decade);
  const first = ticks.findLastIndex((tick) => tick <= low * 1.000001);
  const last = ticks.findIndex((tick) => tick >= high * 0.999999);
  return ticks.slice(Math.max(0, first), last + 1);
}

/** Draws lines with markers over two logarithmic axes. */
export function lineChart(chart: LineChart): string {
  const points = chart.lines.flatMap((each) => each.points).filter(({ x, y }) => x > 0 && y > 0);
  const names = legend(
    62,
    chart.lines.map((each) => ({
      label: each.label,
      mark: (x, y) =>
        `<path class="line${each.isDashed ? " dashed" : ""} l${colour(each.colour)}" d="M${x} ${y - 4}h16"/>`,
    })),
  );
  const [left, right] = [64, WIDTH - 20];
  const top = 62 + names.height + 14;
  const bottom = top + 320;
  if (points.length === 0) return frame(chart.title, "nothing measured", bottom, []);
  const xs = [...new Set(points.map(({ x }) => x))].sort((one, other) => one - other);
  const yTicks = logTicks(Math.min(...points.map(({ y }) => y)), Math.max(...points.map(({ y }) => y)));
  const along = (value: number, low: number, high: number): number =>
    high > low ? Math.log(value / low) / Math.log(high / low) : 0.5;
  const px = (x: number): number => left + 20 + along(x, xs[0]!, xs.at(-1)!) * (right - left - 40);
  const py = (y: number): number => bottom - along(y, yTicks[0]!, yTicks.at(-1)!) * (bottom - top);
  const parts: string[] = [];
  for (const tick of yTicks)
    parts.push(
      line(left, py(tick), right, py(tick), "rule"),
      text(left - 8, py(tick) + 4, tick.toLocaleString("en"), ' class="small faint" text-anchor="end"'),
    );
  for (const x of xs)
    parts.push(text(px(x), bottom + 18, String(x), ' class="small faint" text-anchor="middle"'));
  parts.push(
    text((left + right) / 2, bottom + 38, chart.xTitle, ' class="faint" text-anchor="middle"'),
    text(left - 56, top - 10, chart.yTitle, ' class="faint"'),
  );
  for (const each of chart.lines) {
    const drawn = each.points.filter(({ x, y }) => x > 0 && y > 0);
    if (drawn.length === 0) continue;
    const path = drawn
      .map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${place(px(x))} ${place(py(y))}`)
      .join("");
    parts.push(
      `<path class="line${each.isDashed ? " dashed" : ""} l${colour(each.colour)}" d="${path}"/>`,
      ...drawn.map(
        ({ x, y }) =>
          `<circle cx="${place(px(x))}" cy="${place(py(y))}" r="3.5" class="f${colour(each.colour)}"><title>${escapeXml(`${each.label}, ${x} connections: ${Math.round(y)} us`)}</title></circle>`,
      ),
    );
  }
  return frame(chart.title, chart.subtitle, bottom + 50, [...names.parts, ...parts]);
}
