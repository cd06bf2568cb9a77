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
