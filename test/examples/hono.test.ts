/** examples/hono.ts, run as a user runs it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ask, type RunningExample, runExample } from "./run-example.ts";

let example: RunningExample;
beforeAll(async () => {
  example = await runExample("hono");
});
afterAll(() => example[Symbol.asyncDispose]());

test("text, parameters, query and JSON bodies", async () => {
  expect((await ask(example.url)).text).toBe("Hello from Hono\n");
  const user = await ask(`${example.url}users/7?a=b`);
  expect([user.type, JSON.parse(user.text)]).toEqual(["application/json", { id: "7", query: { a: "b" } }]);
  const echo = await ask(`${example.url}echo`, { method: "POST", body: '{"a":[1,null]}' });
  expect([echo.status, JSON.parse(echo.text)]).toEqual([200, { a: [1, null] }]);
});

test("Hono's own 404", async () => {
  const missing = await ask(`${example.url}nothing`);
  expect([missing.status, JSON.parse(missing.text)]).toEqual([404, { error: "no /nothing here" }]);
});

test("many requests at once are answered each with its own", async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => ask(`${example.url}users/${index}`)),
  );
  expect(answers.map(({ text }) => JSON.parse(text).id)).toEqual(answers.map((_, index) => String(index)));
});
