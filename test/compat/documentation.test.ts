/** The tables of differences, the cases and docs/compatibility.md belong together. */
import { expect, test } from "bun:test";
import { readText } from "../support/source-files.ts";
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
