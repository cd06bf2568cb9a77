/** examples/elysia.ts, run as a user runs it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ask, type RunningExample, runExample } from "./run-example.ts";

let example: RunningExample;
beforeAll(async () => {
  example = await runExample("elysia");
});
afterAll(() => example[Symbol.asyncDispose]());

const post = (body: string): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body,
});

test("text, parameters, query and JSON bodies that are checked", async () => {
  expect((await ask(example.url)).text).toBe("Hello from Elysia\n");
  const user = await ask(`${example.url}users/7?a=b`);
  expect(JSON.parse(user.text)).toEqual({ id: "7", query: { a: "b" } });
  const echo = await ask(`${example.url}echo`, post('{"text":"häh"}'));
  expect([echo.status, JSON.parse(echo.text)]).toEqual([200, { text: "häh" }]);
  expect((await ask(`${example.url}echo`, post('{"text":5}'))).status).toBe(422);
});

test("Elysia's own 404", async () => {
  const missing = await ask(`${example.url}nothing`);
  expect([missing.status, JSON.parse(missing.text)]).toEqual([404, { error: "no /nothing here" }]);
});
