/** examples/text.ts, run as a user runs it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ask, type RunningExample, runExample } from "./run-example.ts";

let example: RunningExample;
beforeAll(async () => {
  example = await runExample("text");
});
afterAll(() => example[Symbol.asyncDispose]());

const greetings: readonly [query: string, text: string][] = [
  ["", "Hello you\n"],
  ["?name=Ada", "Hello Ada\n"],
  ["?name=Grace%20H.&name=Gr%C3%A4ce+H.", "Hello Gräce H.\n"],
];

test.each(greetings)("/greet%s", async (query, text) => {
  expect(await ask(`${example.url}greet${query}`)).toEqual({
    status: 200,
    text,
    type: "text/plain;charset=utf-8",
  });
});

test("it sees header fields, method, path and body", async () => {
  const agent = await ask(`${example.url}agent`, { headers: { "User-Agent": "a test" } });
  expect(agent.text).toBe("a test\n");
  const posted = await ask(`${example.url}any/path`, { method: "POST", body: "häh" });
  expect(posted.text).toBe("POST /any/path with 3 characters\n");
});
