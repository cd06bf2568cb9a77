/** The tables of differences, the cases and docs/compatibility.md belong together. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT, readText } from "../support/source-files.ts";
import { answerCases } from "./cases/answers.ts";
import { entryCases } from "./cases/entry-points.ts";
import { failureCases } from "./cases/failures.ts";
import { fileCases } from "./cases/files.ts";
import { lifecycleCases } from "./cases/lifecycle.ts";
import { requestBodyCases } from "./cases/request-bodies.ts";
import { requestFieldCases } from "./cases/request-fields.ts";
import { requestLineCases } from "./cases/request-line.ts";
import { requestObjectCases } from "./cases/request-object.ts";
import { routeErrorCases } from "./cases/route-errors.ts";
import { routeCases } from "./cases/routes.ts";
import { serverCases } from "./cases/server-object.ts";
import { DIFFERENCES, TO_MEND } from "./differences.ts";
import { differencesOf, mask } from "./observation.ts";

const cases = [
  ...requestLineCases,
  ...requestFieldCases,
  ...requestBodyCases,
  ...requestObjectCases,
  ...answerCases,
  ...failureCases,
  ...routeCases,
  ...fileCases,
  ...serverCases,
  ...lifecycleCases,
  ...entryCases,
  ...routeErrorCases,
];
const ids = cases.map(({ id }) => id);
/** "id:pool" in TO_MEND is the case "id" in pool mode only. */
const withoutMode = (id: string): string => id.replace(/:(?:main|pool)$/, "");
const document = readText("docs/compatibility.md");

test("there are enough cases, and each has an id of its own", () => {
  expect(cases.length).toBeGreaterThan(300);
  const seen = new Set<string>();
  const twice = ids.filter((id) => seen.size === seen.add(id).size);
  expect(twice).toEqual([]);
});

test("every listed case is there, and in one table", () => {
  const listed = [...Object.keys(DIFFERENCES), ...Object.keys(TO_MEND).map(withoutMode)];
  expect(listed.filter((id) => !ids.includes(id))).toEqual([]);
  expect(Object.keys(TO_MEND).filter((id) => withoutMode(id) in DIFFERENCES)).toEqual([]);
});

test("every difference has its line in docs/compatibility.md", () => {
  const missing = Object.keys(DIFFERENCES).filter((id) => !document.includes(`\`${id}\``));
  expect(missing).toEqual([]);
});

test("docs/compatibility.md names no case that does not differ", () => {
  const section = document.split("## Cases of test/compat")[1] ?? "";
  const named = [...section.matchAll(/`([\w.-]+)`/g)].map((match) => match[1]!);
  const known = named.filter((id) => ids.includes(id));
  expect(known.filter((id) => !(id in DIFFERENCES))).toEqual([]);
});

/** Rows of the tables of a section, without head and rule: their cells. */
function rowsOf(section: string): string[][] {
  const text = (document.split(`\n## ${section}\n`)[1] ?? "").split("\n## ")[0]!;
  const rows = text.split("\n").filter((line) => line.startsWith("| "));
  return rows.slice(2).map((line) => line.slice(2, -2).split(" | "));
}

/** What a cell names that is not there: files, titles in them, cases. Says so too when it names nothing. */
function missingOf(cell: string): string[] {
  const missing: string[] = [];
  let file: string | null = null;
  let found = 0;
  for (const [, code, title] of cell.matchAll(/`([^`]+)`|"([^"]+)"/g)) {
    found++;
    if (title !== undefined) {
      // As it stands in the source: of several modes the title has a %s or ${mode} in front.
      if (file === null || !readText(file).includes(title)) missing.push(`${file}: "${title}"`);
    } else if (!code!.startsWith("test/")) {
      if (!ids.includes(code!)) missing.push(`no case ${code}`);
    } else if (existsSync(join(ROOT, code!))) file = code!;
    else missing.push(`no file ${code}`);
  }
  return found === 0 ? [...missing, "nothing is named"] : missing;
}

test.each(["Every feature", "Requests", "Connections", "Answers", "Server and process"])(
  "docs/compatibility.md, %s: each row names what shows it, and that is there",
  (section) => {
    const rows = rowsOf(section);
    expect(rows.length).toBeGreaterThan(3);
    const wrong = rows.flatMap((cells) => missingOf(cells.at(-1)!).map((what) => `${cells[0]}: ${what}`));
    expect(wrong).toEqual([]);
  },
);

test("every feature is the same, better, delegated or not, or says what else", () => {
  const rows = rowsOf("Every feature");
  expect(rows.length).toBeGreaterThanOrEqual(50);
  const WAYS = /^(?:same|better: |delegated|not: |a page of our own|main mode: same)/;
  expect(rows.filter((cells) => cells.length !== 3 || !WAYS.test(cells[1]!))).toEqual([]);
  expect(new Set(rows.map(([feature]) => feature)).size).toBe(rows.length);
});

test("the checks of the tables can fail", () => {
  expect(missingOf("")).toEqual(["nothing is named"]);
  expect(missingOf("`test/no.test.ts`")).toEqual(["no file test/no.test.ts"]);
  expect(missingOf("`no-such-case`, `answer-string`")).toEqual(["no case no-such-case"]);
  const title = ["no such", "title"].join(" ");
  const here = "test/compat/documentation.test.ts";
  expect(missingOf(`\`${here}\` "${title}"`)).toEqual([`${here}: "${title}"`]);
});

test("the comparison sees a changed, a missing and an added leaf, and masks what may change", () => {
  const theirs = { a: 1, b: ["x", { c: null }] };
  expect(differencesOf(theirs, theirs)).toEqual({});
  expect(differencesOf(theirs, { a: 2, b: ["x", { c: null }] })).toEqual({ a: 2 });
  expect(differencesOf(theirs, { a: 1, b: ["x", {}] })).toEqual({ "b.1.c": "(absent)", "b.1": "(empty)" });
  expect(differencesOf(theirs, { ...theirs, d: false })).toEqual({ d: false });
  expect(mask({ date: "Sun, 22 Nov 2026 22:31:31 GMT", url: "http://localhost:40000/", port: 4567 })).toEqual(
    {
      date: "<date>",
      url: "http://localhost:<port>/",
      port: "<port>",
    },
  );
  expect(mask("Thu, 01 Jan 1970 00:00:00 GMT")).toBe("Thu, 01 Jan 1970 00:00:00 GMT");
});
