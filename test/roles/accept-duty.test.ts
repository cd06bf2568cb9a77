import { beforeEach, expect, test } from "bun:test";
import { AcceptDuty } from "../../src/roles/accept-duty.ts";
import { ControlBlock } from "../../src/shm/control-block.ts";

let words: ControlBlock;
let accepted: number;
let duty: AcceptDuty;
let nowMs: number;

/** So many connections in so many ms, then a look; gives whether the duty has changed hands. */
function pass(ms: number, connections: number): boolean {
  nowMs += ms;
  accepted += connections;
  return duty.look(nowMs);
}

beforeEach(() => {
  words = new ControlBlock(new SharedArrayBuffer(ControlBlock.bytes(1, 1)), 1, 1);
  accepted = 5;
  nowMs = 1000;
  duty = new AcceptDuty(words, () => accepted, nowMs);
  // What was accepted before it began is no rate.
  pass(1000, 0);
});

test("dispatchers accept while many connections come, and no longer", () => {
  expect([pass(50, 80), duty.isGiven, words.doDispatchersAccept]).toEqual([false, false, false]);
  expect([pass(50, 120), duty.isGiven, words.doDispatchersAccept]).toEqual([true, true, true]);
  expect([pass(100, 60), duty.isGiven, words.doDispatchersAccept]).toEqual([false, true, true]);
  expect([pass(100, 40), duty.isGiven, words.doDispatchersAccept]).toEqual([true, false, false]);
});

test("a burst after a long silence is no high rate", () => {
  expect([pass(5000, 64), duty.isGiven]).toEqual([false, false]);
});

test("too short a time says nothing", () => {
  expect([pass(10, 90), pass(10, 90), duty.isGiven]).toEqual([false, false, false]);
  pass(50, 200);
  expect([pass(50, 0), duty.isGiven]).toEqual([false, true]);
});

test("a dispatcher that fails to accept gives it back, and does not get it again at once", () => {
  pass(50, 200);
  words.letDispatchersAccept(false);
  expect([pass(1, 0), duty.isGiven]).toEqual([true, false]);
  expect([pass(500, 5000), duty.isGiven]).toEqual([false, false]);
  expect([pass(600, 5000), duty.isGiven]).toEqual([true, true]);
});

test("the next acceptor begins with it", () => {
  pass(50, 200);
  expect(words.doDispatchersAccept).toBe(true);
  duty = new AcceptDuty(words, () => accepted, nowMs);
  expect([duty.isGiven, words.doDispatchersAccept]).toEqual([false, false]);
});
