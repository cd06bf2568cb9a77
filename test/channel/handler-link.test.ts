import { describe, expect, test } from "bun:test";
import {
  ANSWER,
  ANSWER_BLOCK,
  ANSWER_PIECE_BYTES,
  BODY_CREDIT,
  CLOSE,
  CUT,
  FILE_ANSWER_BYTES,
  FIRST,
  HEAVY,
  IDLE_TIMEOUT,
  INLINE_ANSWER_BYTES,
  LAST,
  LIGHT,
  LONG_FILE_ANSWER_BYTES,
  PACE_MASK,
  QUICK,
} from "../../src/channel/messages.ts";
import { RING_BYTES, SLAB_BLOCKS } from "../../src/channel/pair-memory.ts";
import { RECORD_HEADER_BYTES } from "../../src/shm/ring.ts";
import { DEFAULT_BLOCK_BYTES } from "../../src/shm/slab.ts";
import { LinkPair, pattern, type Result } from "./link-pair.ts";

const named = (name: string) => ({ name });
const bytesOf = (results: readonly Result[]) => Buffer.concat(results.map((result) => result.bytes));

describe("an answer", () => {
  const SHORT = [0, 1, 100, 8191, 8192, 8193];
  const LONG = [20_000, 65_535, 65_536, 65_537, 114_688, ANSWER_PIECE_BYTES - 1, ANSWER_PIECE_BYTES];
  test.each([...SHORT, ...LONG])(
    "of %d bytes with heads of every length arrives whole, with its flags",
    (length) => {
      for (const headLength of [0, 1, 120, 8192, 16_384]) {
        if (headLength + length > ANSWER_PIECE_BYTES) continue;
        const pair = new LinkPair();
        const { entry, serial } = pair.start(named("one"));
        const head = "h".repeat(headLength);
        const body = length === 0 ? null : pattern(length + 20);
        const start = length === 0 ? 0 : 10;
        pair.handler.answer(entry, serial, head, body, start, start + length, FIRST | LAST | CLOSE);
        const results = pair.readResults();
        const expected = Buffer.concat([
          Buffer.from(head),
          (body ?? Buffer.alloc(0)).subarray(10, 10 + length),
        ]);
        expect(bytesOf(results).equals(expected)).toBe(true);
        expect(results[0].flags & FIRST).toBe(FIRST);
        expect(results.at(-1)!.flags & (LAST | CLOSE)).toBe(LAST | CLOSE);
        expect(results.filter(({ flags }) => (flags & LAST) !== 0).length).toBe(1);
        expect(results.every((result) => result.entry === entry && result.serial === serial)).toBe(true);
        const isInline = headLength + length <= INLINE_ANSWER_BYTES;
        expect(results.map(({ kind }) => kind)).toEqual([isInline ? ANSWER : ANSWER_BLOCK]);
      }
    },
  );

  test("200 KB in pieces, the bytes of a Uint8Array and of a shared one", () => {
    for (const body of [
      new Uint8Array(pattern(200_000)),
      new Uint8Array(new SharedArrayBuffer(200_000)).fill(7),
    ]) {
      const pair = new LinkPair();
      const { entry, serial } = pair.start(named("one"));
      for (let at = 0; at < body.length; at += ANSWER_PIECE_BYTES) {
        const end = Math.min(body.length, at + ANSWER_PIECE_BYTES);
        pair.handler.answer(entry, serial, "", body, at, end, end === body.length ? LAST : 0);
      }
      expect(bytesOf(pair.readResults()).equals(Buffer.from(body))).toBe(true);
    }
  });

  test("heads are sent in latin-1", () => {
    const pair = new LinkPair();
    const { entry, serial } = pair.start(named("one"));
    pair.handler.answer(entry, serial, "x: \xe4\xff\r\n\r\n", null, 0, 0, FIRST | LAST);
    expect(pair.readResults()[0].bytes.toString("latin1")).toBe("x: \xe4\xff\r\n\r\n");
  });

  test("is judged once, when it is complete, by the length of its body; one with a file by what is sent of it, within bounds", () => {
    const pair = new LinkPair();
    const judged: number[] = [];
    pair.handler.judge = (bytes) => {
      judged.push(bytes);
      return QUICK;
    };
    const first = pair.start(named("one"));
    pair.handler.answer(first.entry, first.serial, "head", pattern(100), 10, 100, FIRST);
    pair.handler.answer(first.entry, first.serial, "", pattern(100), 0, 70, LAST);
    for (const length of [1, 100_000, 10_485_760]) {
      const file = pair.start(named("file"));
      pair.handler.answerFile(file.entry, file.serial, "head", 1, 0, length, 0);
    }
    expect(judged).toEqual([70, FILE_ANSWER_BYTES, 100_000, LONG_FILE_ANSWER_BYTES]);
    expect(pair.readResults().map(({ flags }) => flags & QUICK)).toEqual([0, QUICK, QUICK, QUICK, QUICK]);
  });

  test("a dispatcher that knows all, and sleeps again, is not woken by the end of the batch", () => {
    const pair = new LinkPair();
    const { entry, serial } = pair.start(named("one"));
    const parker = pair.control.dispatcherParker(0);
    pair.handler.isBatching = true;
    pair.handler.answer(entry, serial, "h", null, 0, 0, FIRST | LAST);
    parker.announce();
    pair.handler.notify();
    expect(pair.dispatcherWakes).toBe(1);
    parker.announce();
    pair.handler.isBatching = false;
    pair.handler.notify();
    expect(pair.dispatcherWakes).toBe(1);
    // A task taken is news: this thread may have room for another.
    pair.start(named("two"));
    pair.handler.notify();
    expect(pair.dispatcherWakes).toBe(2);
  });

  test("is seen at once and wakes a sleeping dispatcher; in a batch only notify does", () => {
    const pair = new LinkPair();
    const { entry, serial } = pair.start(named("one"));
    const parker = pair.control.dispatcherParker(0);
    pair.handler.answer(entry, serial, "a", null, 0, 0, FIRST);
    expect(pair.dispatcherWakes).toBe(0);
    parker.announce();
    pair.handler.answer(entry, serial, "b", null, 0, 0, 0);
    expect(pair.dispatcherWakes).toBe(1);
    parker.announce();
    pair.handler.isBatching = true;
    pair.handler.answer(entry, serial, "c", null, 0, 0, LAST);
    expect(pair.dispatcherWakes).toBe(1);
    expect(bytesOf(pair.readResults()).toString()).toBe("abc");
    pair.handler.notify();
    pair.handler.notify();
    expect(pair.dispatcherWakes).toBe(2);
  });
});

describe("without a free block", () => {
  /** A pair whose blocks are all held by slow clients. */
  function exhausted() {
    const pair = new LinkPair();
    const { entry, serial } = pair.start(named("slow"));
    const blocks: number[] = [];
    for (let index = 0; index < SLAB_BLOCKS; index++) {
      pair.handler.answer(entry, serial, "", pattern(10_000), 0, 10_000, 0);
      blocks.push(...pair.readResults(true).map(({ block }) => block));
    }
    expect(pair.dispatcher.slab.countFree()).toBe(0);
    return { pair, entry, serial, blocks };
  }

  test.each([8193, 20_000, 65_000, ANSWER_PIECE_BYTES - 300, ANSWER_PIECE_BYTES])(
    "long pieces of %d bytes go through the ring, whole and in order",
    (length) => {
      const { pair, entry, serial } = exhausted();
      for (const headLength of [0, 300, 12_000]) {
        if (headLength + length > ANSWER_PIECE_BYTES) continue;
        const head = "h".repeat(headLength);
        for (let round = 0; round < 12; round++) {
          pair.handler.answer(entry, serial, head, pattern(length, round), 0, length, FIRST | LAST | CLOSE);
          const results = pair.readResults();
          expect(results.every(({ kind }) => kind === ANSWER)).toBe(true);
          const expected = Buffer.concat([Buffer.from(head), pattern(length, round)]);
          expect(bytesOf(results).equals(expected)).toBe(true);
          expect(results.map(({ flags }) => flags)).toEqual(
            results.map(
              (_, index) => (index === 0 ? FIRST : 0) | (index === results.length - 1 ? LAST | CLOSE : 0),
            ),
          );
        }
      }
    },
  );

  test("long pieces into a ring that is nearly full, wherever its end is", () => {
    const { pair, entry, serial } = exhausted();
    // Each round leaves a little more or less than the last piece takes, and begins at another place.
    for (let round = 0; round < 300; round++) {
      const lengths = [...Array(RING_BYTES / 8192 - 3).fill(8176), 5000 + ((round * 112) % 3190), 16_384];
      for (const [index, length] of lengths.entries()) {
        pair.handler.answer(entry, serial, "", pattern(length, round + index), 0, length, 0);
      }
      const received = [bytesOf(pair.readResults())];
      expect(pair.handler.resume()).toBe(true);
      received.push(bytesOf(pair.readResults()));
      const sent = lengths.map((length, index) => pattern(length, round + index));
      expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
    }
  });

  test("a head alone that is longer than a record's usual length", () => {
    const { pair, entry, serial } = exhausted();
    pair.handler.answer(entry, serial, "h".repeat(16_000), null, 0, 0, FIRST | LAST);
    const results = pair.readResults();
    expect(bytesOf(results).toString()).toBe("h".repeat(16_000));
    expect(results.at(-1)!.flags & LAST).toBe(LAST);
  });

  test("what an answer says of its handler's pace is on its first record", () => {
    for (const length of [50, 9000]) {
      const { pair, entry, serial } = exhausted();
      pair.handler.judge = () => LIGHT | HEAVY;
      pair.handler.answer(entry, serial, "head", pattern(length), 0, length, FIRST | LAST);
      const flags = pair.readResults().map((result) => result.flags);
      expect(flags[0]! & (FIRST | PACE_MASK)).toBe(FIRST | LIGHT | HEAVY);
      expect(flags.slice(1).map((next) => next & (FIRST | PACE_MASK))).toEqual(flags.slice(1).map(() => 0));
      expect(flags.at(-1)! & LAST).toBe(LAST);
    }
  });

  test("nor are there enough, when there is no run of them: all stay free for shorter pieces", () => {
    const { pair, entry, serial, blocks } = exhausted();
    for (const block of blocks) if (block % 2 === 0) pair.dispatcher.slab.free(block);
    const body = pattern(DEFAULT_BLOCK_BYTES + 1);
    pair.handler.answer(entry, serial, "", body, 0, body.length, 0);
    const results = pair.readResults();
    expect([results.every(({ kind }) => kind === ANSWER), bytesOf(results).equals(body)]).toEqual([
      true,
      true,
    ]);
    expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS / 2);
  });

  test("blocks are used again when they come back", () => {
    const { pair, entry, serial, blocks } = exhausted();
    pair.dispatcher.slab.free(blocks[3]);
    pair.handler.answer(entry, serial, "", pattern(9000), 0, 9000, 0);
    const [result] = pair.readResults(true);
    expect([result.kind, result.block]).toEqual([ANSWER_BLOCK, blocks[3]]);
  });
});

describe("without room in the ring", () => {
  test("answers wait and leave in their order, whole, once there is room", () => {
    const pair = new LinkPair();
    const { handler } = pair;
    const { entry, serial } = pair.start(named("one"));
    const sent: Buffer[] = [];
    const send = (length: number): void => {
      const bytes = pattern(length, sent.length);
      sent.push(bytes);
      handler.answer(entry, serial, "", bytes, 0, length, 0);
    };
    // Fills ring and slab together, in a mix of sizes, and half as much again.
    const sizes = [40_000, 8000, 300, ANSWER_PIECE_BYTES, 0, 65_536, 5000];
    while (handler.resume()) send(sizes[sent.length % sizes.length]);
    for (let more = sent.length / 2; more > 0; more--) send(sizes[sent.length % sizes.length]);
    expect(handler.resume()).toBe(false);
    const received: Buffer[] = [];
    for (let turn = 0; turn < 50; turn++) {
      const results = pair.readResults();
      received.push(bytesOf(results));
      if (handler.resume() && results.length === 0) break;
      // What comes later must not overtake what waits.
      if (turn < 3) send(100);
    }
    expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
    expect(handler.resume()).toBe(true);
    expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
  });

  test("a long piece takes no block while it waits", () => {
    const pair = new LinkPair();
    const { entry, serial } = pair.start(named("one"));
    // Records without payload: they fill the ring to its last byte.
    for (let at = 0; at < RING_BYTES; at += RECORD_HEADER_BYTES) {
      pair.handler.answer(entry, serial, "", null, 0, 0, 0);
    }
    for (let tries = 0; tries < 3; tries++) {
      pair.handler.answer(entry, serial, "", pattern(40_000), 0, 40_000, 0);
      pair.handler.resume();
    }
    expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
  });

  test("messages wait behind the answers", () => {
    const pair = new LinkPair();
    const { handler } = pair;
    const { entry, serial } = pair.start(named("one"));
    for (let index = 0; index < 60; index++) {
      handler.answer(entry, serial, "", pattern(8000), 0, 8000, 0);
    }
    handler.creditBody(entry, serial, 77);
    handler.setIdleTimeout(entry, serial, 9);
    handler.cut(entry, serial);
    const results: Result[] = [];
    for (let turn = 0; turn < 20; turn++) {
      results.push(...pair.readResults());
      handler.resume();
    }
    expect(results.slice(0, 60).every(({ kind }) => kind === ANSWER)).toBe(true);
    expect(results.slice(60).map(({ kind, value }) => [kind, value])).toEqual([
      [BODY_CREDIT, 77],
      [IDLE_TIMEOUT, 9],
      [CUT, 0],
    ]);
  });

  test("room made by the dispatcher wakes a handler that waits for it, once", () => {
    const pair = new LinkPair();
    const { handler, dispatcher } = pair;
    const { entry, serial } = pair.start(named("one"));
    const parker = pair.control.handlerParker(0);
    parker.announce();
    dispatcher.release();
    dispatcher.madeRoom();
    expect(parker.isAsleep).toBe(true);
    while (handler.resume()) handler.answer(entry, serial, "", pattern(8000), 0, 8000, 0);
    pair.readResults();
    expect(parker.isAsleep).toBe(false);
    expect(handler.resume()).toBe(true);
    parker.announce();
    dispatcher.madeRoom();
    expect(parker.isAsleep).toBe(true);
  });
});

test("credit, time-out and cut arrive with their values under the task's entry and serial", () => {
  const pair = new LinkPair();
  const { entry, serial } = pair.start(named("one"));
  pair.handler.creditBody(entry, serial, 131_072);
  pair.handler.setIdleTimeout(entry, serial, 0);
  pair.handler.cut(entry, serial);
  const results = pair.readResults();
  expect(results.map(({ kind, value }) => [kind, value])).toEqual([
    [BODY_CREDIT, 131_072],
    [IDLE_TIMEOUT, 0],
    [CUT, 0],
  ]);
  expect(results.every((result) => result.entry === entry && result.serial === serial)).toBe(true);
});

test("start is won once for each task, and not for one taken back", () => {
  const pair = new LinkPair();
  const first = pair.give(named("one"));
  const second = pair.give(named("two"));
  pair.dispatcher.flush();
  pair.dispatcher.tryTakeBack(second);
  pair.handler.tasks.next();
  expect(pair.handler.start(first)).toBe(true);
  expect(pair.dispatcher.queued).toBe(1);
  pair.handler.tasks.next();
  expect(pair.handler.start(second)).toBe(false);
  expect(pair.dispatcher.queued).toBe(0);
});

test("a successor goes on counting where its predecessor stopped", () => {
  const pair = new LinkPair();
  pair.start(named("one"));
  pair.attachHandler();
  pair.start(named("two"));
  expect(pair.dispatcher.queued).toBe(0);
});
