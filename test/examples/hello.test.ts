/** examples/hello.ts, run as a user runs it. */
import { expect, test } from "bun:test";
import { ask, runExample } from "./run-example.ts";

test("it says where it listens and greets from the path", async () => {
  await using hello = await runExample("hello");
  expect(await ask(`${hello.url}a/b?c`)).toEqual({
    status: 200,
    text: "Hello from /a/b\n",
    type: "text/plain;charset=utf-8",
  });
});

test("two of them run at the same time, each on its own port", async () => {
  await using first = await runExample("hello");
  await using second = await runExample("hello");
  expect(first.url).not.toBe(second.url);
  expect((await ask(first.url)).text).toBe("Hello from /\n");
  expect((await ask(second.url)).text).toBe("Hello from /\n");
});

test("it is gone when it has ended", async () => {
  const hello = await runExample("hello");
  const { url } = hello;
  await hello[Symbol.asyncDispose]();
  expect(await ask(url).catch((error) => error.code)).toBe("ECONNREFUSED");
});
