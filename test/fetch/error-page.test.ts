import { expect, test } from "bun:test";
import { errorPage } from "../../src/fetch/error-page.ts";

/** Texts of the elements of a kind, as a browser shows them. */
function texts(page: string, element: string): string[] {
  const found = page.matchAll(new RegExp(`<${element}[^>]*>(.*?)</`, "gs"));
  return [...found].map(([, text]) =>
    text!
      .replace(/&lt;/g, "<")
      .replace(/&gt;/g, ">")
      .replace(/&quot;/g, '"'),
  );
}

test("shows title and errors, the latest first, and where they were thrown", () => {
  const page = errorPage("GET - /x failed", [new TypeError("the second"), new Error("the first")]);
  expect(page).toStartWith("<!doctype html>");
  expect(texts(page, "h1")).toEqual(["GET - /x failed"]);
  expect(texts(page, "h2")).toEqual(["TypeError: the second", "Error: the first"]);
  expect(texts(page, 'p class="place"')[0]).toMatch(/error-page\.test\.ts:\d+:\d+$/);
  expect(texts(page, 'pre class="stack"')[0]).toContain("error-page.test.ts");
});

test("shows the source lines around, the one that threw marked, with a caret at its column", () => {
  const page = errorPage("t", [new Error("here")]);
  const source = texts(page, 'pre class="source"')[0]!;
  expect(source).toContain("new Error");
  const [marked, caret] = texts(page, "mark")[0]!.split("\n");
  expect(marked).toMatch(/^\d+ \| {3}const page = errorPage/);
  expect(caret!.indexOf("^")).toBe(marked!.indexOf("Error("));
});

test("shows causes, the errors of an AggregateError, and what else an error carries", () => {
  const inner = Object.assign(new Error("inner"), { code: "ECODE", detail: { deep: 1 } });
  const page = errorPage("t", [
    new Error("outer", { cause: inner }),
    new AggregateError([new RangeError("one"), "two"], "many"),
  ]);
  expect(texts(page, "h2")).toEqual([
    "Error: outer",
    "caused by: Error: inner",
    "AggregateError: many",
    "one of: RangeError: one",
    "one of: thrown:",
  ]);
  expect(texts(page, 'pre class="details"')[0]).toContain('code: "ECODE"');
  expect(texts(page, 'pre class="value"')).toEqual(['"two"']);
});

test("nothing that was thrown, and no title, becomes markup", () => {
  const hostile = '<script>alert("x")</script>';
  const error = Object.assign(new Error(hostile), { [hostile]: hostile, name: hostile });
  error.stack = `Error\n    at ${hostile} (${hostile}:1:2)`;
  const page = errorPage(hostile, [error, new Error("x"), hostile, { key: hostile }]);
  expect(page).not.toContain("<script");
  expect(page).toContain("&lt;script&gt;");
});

test("anything may have been thrown", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const own = new Error("its own cause");
  own.cause = own;
  const failing = new Error("x");
  for (const key of ["message", "stack", "cause"]) {
    Object.defineProperty(failing, key, {
      get() {
        throw new Error("no");
      },
    });
  }
  const odd = Object.assign(new Error("odd stack"), { stack: 5 });
  for (const thrown of [undefined, null, 5, Symbol("s"), circular, [], () => {}, own, failing, odd]) {
    expect(errorPage("t", [thrown])).toContain("<pre");
  }
});

test("without colours of the terminal", () => {
  expect(errorPage("t", [new Error("x")])).not.toContain("\u001b[");
});
