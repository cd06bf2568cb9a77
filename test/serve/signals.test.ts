/** What signals do, with a process and servers that only note; real ones are in test/server/signals.test.ts. */
import { beforeEach, expect, test } from "bun:test";
import { Log } from "../../src/log/log.ts";
import { GracefulSignals, type SignalledServer } from "../../src/serve/signals.ts";
import { eventually } from "../support/process-info.ts";

let log: string[];
let listeners: Map<string, () => void>;
let signals: GracefulSignals;

beforeEach(() => {
  log = [];
  listeners = new Map();
  signals = new GracefulSignals({
    on: (signal, listener) => void listeners.set(signal, listener),
    removeListener: (signal, listener) => {
      if (listeners.get(signal) === listener) listeners.delete(signal);
    },
    exit: (code) => void log.push(`exit ${code}`),
  });
});

interface Noted extends SignalledServer {
  finish(): void;
}

function server(name: string): Noted {
  const ended = Promise.withResolvers<void>();
  return {
    pendingRequests: 2,
    log: new Log("main", ({ message }) => log.push(`epollo: ${message}`)),
    stop: (isForced, idleMs) => {
      log.push(`${name} ${isForced ? "forced" : idleMs}`);
      if (isForced) ended.resolve();
      return ended.promise;
    },
    finish: () => ended.resolve(),
  };
}

const logged = (count: number): Promise<string[]> =>
  eventually(
    "the log",
    () => log,
    (lines) => lines.length === count,
  );

test("listeners come with the first server and go with the last", () => {
  const [one, two] = [server("one"), server("two")];
  expect(listeners.size).toBe(0);
  signals.add(one, { graceMs: 1000, idleMs: 10 });
  signals.add(two, { graceMs: 1000, idleMs: 10 });
  expect([...listeners.keys()]).toEqual(["SIGTERM", "SIGINT"]);
  signals.remove(one);
  expect(listeners.size).toBe(2);
  signals.remove(two);
  signals.remove(two);
  expect(listeners.size).toBe(0);
});

test("all servers stop, and the process ends with 0 when the last one has", async () => {
  const [one, two] = [server("one"), server("two")];
  signals.add(one, { graceMs: 60_000, idleMs: 10 });
  signals.add(two, { graceMs: 60_000, idleMs: 20 });
  listeners.get("SIGTERM")!();
  expect(log).toEqual(["one 10", "two 20"]);
  one.finish();
  await Bun.sleep(5);
  expect(log.length).toBe(2);
  two.finish();
  expect(await logged(3)).toContain("exit 0");
});

test("a second signal ends the process at once, with its number", () => {
  signals.add(server("one"), { graceMs: 60_000, idleMs: 10 });
  listeners.get("SIGTERM")!();
  listeners.get("SIGINT")!();
  listeners.get("SIGTERM")!();
  expect(log).toEqual(["one 10", "exit 130", "exit 143"]);
});

test("what is in flight after the grace period is cut, and that is said", async () => {
  signals.add(server("one"), { graceMs: 20, idleMs: 10 });
  listeners.get("SIGINT")!();
  expect(await logged(4)).toEqual([
    "one 10",
    "epollo: 2 requests were not answered within 20 ms and are cut off",
    "one forced",
    "exit 0",
  ]);
});
