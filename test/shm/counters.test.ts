import { expect, test } from "bun:test";
import {
  ACCEPTOR_COUNTERS,
  AcceptorCounter,
  counterBlock,
  counterBytes,
  DISPATCHER_COUNTERS,
  DispatcherCounter,
  HANDLER_COUNTERS,
  HandlerCounter,
  sum,
  sumAll,
} from "../../src/shm/counters.ts";

test("each name is the index of its place in the list, without repetition", () => {
  const lists = [
    [ACCEPTOR_COUNTERS, AcceptorCounter],
    [DISPATCHER_COUNTERS, DispatcherCounter],
    [HANDLER_COUNTERS, HandlerCounter],
  ] as const;
  for (const [names, indexes] of lists) {
    expect(new Set(names).size).toBe(names.length);
    names.forEach((name, index) => {
      expect((indexes as Record<string, number>)[name]).toBe(index);
    });
  }
});

test("what one view counts another view of the memory sees, and sums add up over threads", () => {
  const stride = counterBytes(DISPATCHER_COUNTERS);
  const memory = new SharedArrayBuffer(3 * stride);
  const blocks = [0, 1, 2].map((index) => counterBlock(memory, index * stride, DISPATCHER_COUNTERS));
  blocks.forEach((block, index) => {
    block[DispatcherCounter.requests]! += index + 1;
    block[DispatcherCounter.bytesSent]! += 2 ** 40;
  });
  const seen = [0, 1, 2].map((index) => counterBlock(memory, index * stride, DISPATCHER_COUNTERS));
  expect(sum(seen, DispatcherCounter.requests)).toBe(6);
  const totals = sumAll(seen, DISPATCHER_COUNTERS);
  expect(totals.requests).toBe(6);
  expect(totals.bytesSent).toBe(3 * 2 ** 40);
  expect(totals.clientsOpened).toBe(0);
  expect(Object.keys(totals)).toEqual([...DISPATCHER_COUNTERS]);
});

test("a block outside its memory is refused", () => {
  expect(() => counterBlock(new SharedArrayBuffer(64), 0, HANDLER_COUNTERS)).toThrow(RangeError);
});
