/** examples/todo.ts, run as a user runs it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type RunningExample, runExample } from "./run-example.ts";

let example: RunningExample;
beforeEach(async () => {
  example = await runExample("todo");
});
afterEach(() => example[Symbol.asyncDispose]());

/** Status and body of an answer: parsed where it is JSON, "" where there is none. */
async function call(method: string, path: string, body?: unknown): Promise<[status: number, body: unknown]> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(new URL(path, example.url), {
    method,
    ...(text === undefined ? {} : { body: text }),
  });
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return [response.status, isJson ? await response.json() : await response.text()];
}

test("put, get, replace, delete", async () => {
  expect(await call("GET", "/todo")).toEqual([200, []]);
  expect(await call("PUT", "/todo", { text: "a" })).toEqual([201, { id: 1, text: "a" }]);
  expect(await call("PUT", "/todo/7", { text: "b" })).toEqual([201, { id: 7, text: "b" }]);
  expect(await call("PUT", "/todo", { text: "c" })).toEqual([201, { id: 8, text: "c" }]);
  expect(await call("PUT", "/todo/7", { text: "B" })).toEqual([200, { id: 7, text: "B" }]);
  expect(await call("GET", "/todo/7")).toEqual([200, { id: 7, text: "B" }]);
  expect(await call("DELETE", "/todo/1")).toEqual([204, ""]);
  expect(await call("GET", "/todo")).toEqual([
    200,
    [
      { id: 7, text: "B" },
      { id: 8, text: "c" },
    ],
  ]);
});

test("a put says where the todo is", async () => {
  const response = await fetch(`${example.url}todo`, { method: "PUT", body: '{"text":"a"}' });
  expect(response.headers.get("location")).toBe("/todo/1");
});

test("the state is one, however many clients put at the same time", async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => call("PUT", "/todo", { text: `${index}` })),
  );
  const ids = answers.map(([, todo]) => (todo as { id: number }).id).sort((a, b) => a - b);
  expect(ids).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  const [, all] = await call("GET", "/todo");
  expect((all as unknown[]).length).toBe(200);
});

const MISTAKES: readonly [method: string, path: string, body: unknown, status: number, reason: string][] = [
  ["GET", "/nothing", undefined, 404, "there is no /nothing"],
  ["GET", "/todo/1", undefined, 404, "there is no todo 1"],
  ["DELETE", "/todo/1", undefined, 404, "there is no todo 1"],
  ["DELETE", "/todo", undefined, 400, "DELETE needs an id: /todo/1"],
  ["GET", "/todo/x", undefined, 400, '"x" is no id: 1 to 999999999'],
  ["GET", "/todo/0", undefined, 400, '"0" is no id: 1 to 999999999'],
  ["PUT", "/todo/1.5", { text: "a" }, 400, '"1.5" is no id: 1 to 999999999'],
  ["PUT", "/todo", "no json", 400, 'the body must be JSON: { "text": string }'],
  ["PUT", "/todo", { text: 1 }, 400, 'the body must be JSON: { "text": string }'],
  ["PUT", "/todo/3", null, 400, 'the body must be JSON: { "text": string }'],
  ["PATCH", "/todo/1", { text: "a" }, 400, "a todo takes GET, PUT and DELETE, not PATCH"],
];

describe("mistakes are answered with a reason, and change nothing", () => {
  test("each of them", async () => {
    for (const [method, path, body, status, reason] of MISTAKES) {
      expect([path, ...(await call(method, path, body))]).toEqual([path, status, { error: reason }]);
    }
    expect(await call("GET", "/todo")).toEqual([200, []]);
  });
});

test("/ and /echo", async () => {
  expect(await call("GET", "/")).toEqual([200, "A store of todos: see /todo\n"]);
  expect(await call("POST", "/echo", "an echo")).toEqual([200, "an echo"]);
  expect(await call("GET", "/echo")).toEqual([200, ""]);
});
