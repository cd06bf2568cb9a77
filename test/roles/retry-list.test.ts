import { expect, test } from "bun:test";
import { RetryList } from "../../src/roles/retry-list.ts";

test("calls are made again, in order, until they give true", () => {
  const list = new RetryList();
  const made: string[] = [];
  let room = 1;
  const call = (name: string) => (): boolean => {
    made.push(name);
    return room-- > 0;
  };
  list.add(call("a"));
  list.add(call("b"));
  list.retry();
  expect([made, list.hasSome]).toEqual([["a", "b"], true]);
  room = 5;
  list.retry();
  expect([made, list.hasSome]).toEqual([["a", "b", "b"], false]);
});

test("what a call adds is tried the next time", () => {
  const list = new RetryList();
  let count = 0;
  list.add(() => {
    list.add(() => ++count > 0);
    return true;
  });
  list.retry();
  expect([count, list.hasSome]).toEqual([0, true]);
  list.retry();
  expect([count, list.hasSome]).toEqual([1, false]);
});
