/** examples/h3.ts, run as a user runs it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ask, type RunningExample, runExample } from "./run-example.ts";

let example: RunningExample;
beforeAll(async () => {
  example = await runExample("h3");
});
afterAll(() => example[Symbol.asyncDispose]());

test("text, parameters, query and JSON bodies", async () => {
  expect((await ask(example.url)).text).toBe("Hello from h3\n");
  const user = await ask(`${example.url}users/7?a=b`);
  expect(JSON.parse(user.text)).toEqual({ id: "7", query: { a: "b" } });
  const echo = await ask(`${example.url}echo`, { method: "POST", body: '{"a":[1,null]}' });
  expect([echo.status, JSON.parse(echo.text)]).toEqual([200, { a: [1, null] }]);
});

test("h3's own 404", async () => {
  const missing = await ask(`${example.url}nothing`);
  expect([missing.status, JSON.parse(missing.text).message]).toEqual([404, "no /nothing here"]);
});
