import { afterEach, describe, expect, test } from "bun:test";
import { DispatcherWatch } from "../../src/roles/dispatcher-watch.ts";
import { allocateServerMemory, controlOf, dispatcherCounters } from "../../src/roles/server-memory.ts";
import { type ControlBlock, DISPATCHER_RUNNING, SERVER_CLOSED } from "../../src/shm/control-block.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";

const LIMIT_MS = 800;
/** An eighth of that: how often it looks. */
const EVERY_MS = 100;

let watch: DispatcherWatch;
let control: ControlBlock;
let counters: Float64Array[];
let hung: string[];
let told: string[];
let woken: number[];
let now = 0;
afterEach(() => watch.end());

function start(limitMs: number = LIMIT_MS): void {
  const memory = allocateServerMemory(2, 1);
  control = controlOf(memory);
  counters = [dispatcherCounters(memory, 0), dispatcherCounters(memory, 1)];
  hung = [];
  told = [];
  woken = [];
  const owner = {
    hangs: (index: number, ms: number) => void hung.push(`${index} ${ms}`),
    blocks: (index: number, ms: number) => void told.push(`${index} ${ms}`),
    wake: (index: number) => void woken.push(index),
  };
  watch = new DispatcherWatch(owner, control, counters, { runMs: limitMs, loadMs: 2 * limitMs });
  for (const index of [0, 1]) {
    control.setDispatcherState(index, DISPATCHER_RUNNING);
    control.setClients(index, 1);
  }
  watch.look(now);
}
function turn(index: number): void {
  counters[index]![DispatcherCounter.turns]! += 1;
}
function looks(count: number, between: () => void = () => {}): void {
  for (let look = 0; look < count; look++) {
    between();
    now += EVERY_MS;
    watch.look(now);
  }
}

test("one that neither turns nor sleeps hangs, one that turns does not", () => {
  start();
  turn(0);
  looks(1);
  looks(8, () => turn(0));
  expect(hung).toEqual(["1 800"]);
  looks(6, () => turn(0));
  expect(hung.length).toBe(1);
});

test("once the server is closed one has a second at most", () => {
  start(10 * LIMIT_MS);
  looks(15, () => turn(0));
  expect(hung).toEqual([]);
  control.serverState = SERVER_CLOSED;
  looks(1, () => turn(0));
  expect(hung).toEqual(["1 1600"]);
});

test("one that loads the module may take longer", () => {
  start();
  control.setLoading(1, true);
  turn(0);
  looks(1);
  looks(14, () => turn(0));
  expect(hung).toEqual([]);
  looks(1, () => turn(0));
  expect(hung).toEqual(["1 1600"]);
});

test("one that sleeps does not hang, and is woken now and then to show it", () => {
  start();
  for (const index of [0, 1]) control.dispatcherParker(index).announce();
  looks(30, () => turn(1));
  expect(hung).toEqual([]);
  expect(woken.length).toBeGreaterThan(4);
  expect(new Set(woken)).toEqual(new Set([0]));
});

test("a pause of the whole process counts for two looks at most", () => {
  start();
  looks(3);
  now += 3_600_000;
  looks(1);
  expect(hung).toEqual([]);
});

test("it wants to be woken by the first client, and stops to look when there is none", () => {
  start();
  expect(control.isWatchWanted).toBe(true);
  expect([control.takeWatchWish(), control.takeWatchWish()]).toEqual([true, false]);
  watch.begin();
  for (const index of [0, 1]) control.setClients(index, 0);
  looks(1);
  expect(control.isWatchWanted).toBe(false);
  for (const index of [0, 1]) control.dispatcherParker(index).announce();
  looks(1);
  expect(control.isWatchWanted).toBe(true);
});

describe("with a limit of 10 s", () => {
  const EVERY_SECOND = 10;
  const seconds = (count: number): void => {
    for (let second = 0; second < count; second++) looks(EVERY_SECOND, () => turn(0));
  };

  test("one that is still for 5 s is told of, once, and again when it has turned", () => {
    start(10_000);
    seconds(4);
    expect(told).toEqual([]);
    seconds(5);
    expect([told, hung]).toEqual([["1 5000"], []]);
    turn(1);
    seconds(6);
    expect([told, hung]).toEqual([["1 5000", "1 5000"], []]);
  });

  test("while one is still for a second the others run no handlers", () => {
    start(10_000);
    looks(9, () => turn(0));
    expect(control.isInlineAllowed).toBe(true);
    looks(2, () => turn(0));
    expect([control.isInlineAllowed, control.isInlineBarred]).toEqual([false, false]);
    turn(1);
    looks(1, () => turn(0));
    expect(control.isInlineAllowed).toBe(true);
    control.setLoading(1, true);
    seconds(2);
    expect(control.isInlineAllowed).toBe(true);
    control.setLoading(1, false);
    seconds(1);
    expect(control.isInlineAllowed).toBe(false);
    control.barInline();
    turn(1);
    looks(1, () => turn(0));
    expect([control.isInlineAllowed, control.isInlineBarred]).toEqual([false, true]);
  });
});
