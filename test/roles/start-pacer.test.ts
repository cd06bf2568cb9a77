import { expect, test } from "bun:test";
import { StartPacer } from "../../src/roles/start-pacer.ts";

test("failures: the pause doubles from 100 ms to 10 s, and is forgotten once a thread is ready", () => {
  const pacer = new StartPacer();
  expect([pacer.isPaused(0), pacer.isFailing]).toEqual([false, false]);
  const pauses = Array.from({ length: 9 }, () => pacer.failed(1000));
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  expect([pacer.isPaused(10_999), pacer.isPaused(11_000), pacer.isFailing]).toEqual([true, false, true]);
  pacer.ready();
  expect([pacer.isFailing, pacer.failed(20_000)]).toEqual([false, 100]);
});

test("threads that live too short: the fourth in a row makes a pause, up to a second", () => {
  const pacer = new StartPacer();
  const pauses: number[] = [];
  for (let life = 0; life < 10; life++) {
    pacer.ready();
    pauses.push(pacer.ended(5000, 10));
  }
  expect(pauses).toEqual([0, 0, 0, 100, 200, 400, 800, 1000, 1000, 1000]);
  expect([pacer.isPaused(5999), pacer.isFailing]).toEqual([true, false]);
  expect(pacer.ended(9000, 1000)).toBe(0);
  pacer.ready();
  expect([pacer.ended(9000, 10), pacer.isPaused(9000)]).toEqual([0, false]);
});
