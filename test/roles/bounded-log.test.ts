import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { BoundedLog, LOG_EVERY_MS } from "../../src/roles/bounded-log.ts";

let lines: string[] = [];
let spy: ReturnType<typeof spyOn>;
beforeEach(() => {
  lines = [];
  spy = spyOn(console, "error").mockImplementation((line: string) => void lines.push(line));
});
afterEach(() => spy.mockRestore());

test("writes a line a second and tells how many it did not write", () => {
  const log = new BoundedLog("trouble");
  for (let i = 0; i < 100; i++) log.say("trouble", 5000 + i);
  expect(lines).toEqual(["epollo: trouble"]);
  log.say("trouble", 5000 + LOG_EVERY_MS);
  log.say("other trouble", 5000 + 2 * LOG_EVERY_MS);
  expect(lines.slice(1)).toEqual([
    "epollo: trouble (99 more like this were not logged)",
    "epollo: other trouble",
  ]);
});

test("uses the clock of the process when it is told no time", () => {
  const log = new BoundedLog("trouble");
  log.say("a");
  log.say("b");
  expect(lines).toEqual(["epollo: a"]);
});

test("writes some lines a second where that is asked for", () => {
  const log = new BoundedLog("trouble", undefined, 3);
  for (let i = 0; i < 5; i++) log.say(`trouble ${i}`, 5000 + 100 * i);
  log.say("trouble 5", 5000 + LOG_EVERY_MS);
  log.say("trouble 6", 5001 + LOG_EVERY_MS);
  expect(lines).toEqual([
    "epollo: trouble 0",
    "epollo: trouble 1",
    "epollo: trouble 2",
    "epollo: trouble 5 (2 more like this were not logged)",
    "epollo: trouble 6",
  ]);
});
