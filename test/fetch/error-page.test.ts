import { expect, test } from "bun:test";
import { errorPage } from "../../src/fetch/error-page.ts";

test("shows title and errors, the latest first, and where they were thrown", () => {
  // Spelled backwards, since the page shows these lines too.
  const [second, first] = ["dnoces", "tsrif"].map((text) => new Error([...text].reverse().join("")));
  const page = errorPage("GET - /x failed", [second, first]);
  expect(page).toStartWith("<!doctype html>");
  expect(page).toContain("<h1>GET - /x failed</h1>");
  expect(page.indexOf(`error: ${second.message}`)).toBeGreaterThan(0);
  expect(page.indexOf(`error: ${second.message}`)).toBeLessThan(page.indexOf(`error: ${first.message}`));
  expect(page).toContain("error-page.test.ts");
});

test("nothing that was thrown, and no title, becomes markup", () => {
  const hostile = '<script>alert("x")</script>';
  const page = errorPage(hostile, [new Error(hostile), hostile, { key: hostile }]);
  expect(page).not.toContain("<script");
  expect(page).toContain("&lt;script&gt;");
});

test("anything may have been thrown", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  for (const thrown of [undefined, null, 5, Symbol("s"), circular, [], () => {}]) {
    expect(errorPage("t", [thrown])).toContain("<pre>");
  }
});

test("without colours of the terminal", () => {
  expect(errorPage("t", [new Error("x")])).not.toContain("\u001b[");
});
