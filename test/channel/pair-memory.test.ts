import { expect, test } from "bun:test";
import * as messages from "../../src/channel/messages.ts";
import * as pair from "../../src/channel/pair-memory.ts";
import { RECORD_HEADER_BYTES, ringBytes } from "../../src/shm/ring.ts";
import { DEFAULT_BLOCK_BYTES, slabBytes } from "../../src/shm/slab.ts";
import { taskTableBytes } from "../../src/shm/task-table.ts";

test("the parts lie one behind the other, on spans of their own", () => {
  const parts: readonly [number, number][] = [
    [0, pair.PAIR_WORDS * 4],
    [pair.TASK_RING_AT, ringBytes(pair.RING_BYTES)],
    [pair.RESULT_RING_AT, ringBytes(pair.RING_BYTES)],
    [pair.TASK_TABLE_AT, taskTableBytes(pair.TASK_ENTRIES)],
    [pair.SLAB_AT, slabBytes(pair.SLAB_BLOCKS)],
  ];
  let end = 0;
  for (const [at, length] of parts) {
    expect(at % 128).toBe(0);
    expect(at).toBeGreaterThanOrEqual(end);
    end = at + length;
  }
  expect(pair.PAIR_BYTES).toBeGreaterThanOrEqual(end);
});

test("words with different writers do not share a cache line", () => {
  const line = (word: number) => Math.floor((word * 4) / 64);
  expect(line(pair.STARTED_WORD)).not.toBe(line(pair.DISPATCHER_WAITS_WORD));
  for (const word of [pair.STARTED_WORD, pair.DISPATCHER_WAITS_WORD, pair.HANDLER_WAITS_WORD]) {
    expect(word).toBeLessThan(pair.PAIR_WORDS);
  }
});

test("the largest records fit into the rings, the largest pieces into a run of blocks or into the ring", () => {
  const payload = pair.RING_BYTES / 2 - RECORD_HEADER_BYTES;
  // Header, 198 fields, the longest head and the longest body that travels with it (`request-reader.ts`).
  expect(64 + 198 * 16 + 16_384 + messages.INLINE_BODY_BYTES).toBeLessThanOrEqual(payload);
  expect(messages.BODY_RECORD_BYTES).toBeLessThanOrEqual(payload);
  expect(messages.INLINE_ANSWER_BYTES + 16_384).toBeLessThanOrEqual(payload);
  // Several of the longest pieces find a run at the same time.
  expect(Math.ceil(messages.ANSWER_PIECE_BYTES / DEFAULT_BLOCK_BYTES) * 8).toBeLessThanOrEqual(
    pair.SLAB_BLOCKS,
  );
  // Without a free run a piece needs this much room in the result ring at once (`handler-link.ts`).
  const records = Math.ceil(messages.ANSWER_PIECE_BYTES / messages.INLINE_ANSWER_BYTES) + 1;
  const needed = messages.ANSWER_PIECE_BYTES + 16_384 + records * 32 + messages.INLINE_ANSWER_BYTES;
  expect(needed).toBeLessThanOrEqual(pair.RING_BYTES);
  // A window is never smaller than what moves through it at a time.
  expect(messages.ANSWER_PIECE_BYTES).toBeLessThanOrEqual(messages.ANSWER_WINDOW);
  expect(messages.BODY_RECORD_BYTES).toBeLessThanOrEqual(messages.BODY_WINDOW / 4);
});

test("types and flags of the two directions do not overlap", () => {
  const { TYPE_MASK, LAST, CLOSE, FIRST } = messages;
  const toHandler = [messages.TASK, messages.BODY, messages.ABORT, messages.CREDIT, messages.BODY_FAILED];
  const toDispatcher = [
    messages.ANSWER,
    messages.ANSWER_BLOCK,
    messages.CUT,
    messages.BODY_CREDIT,
    messages.IDLE_TIMEOUT,
  ];
  for (const types of [toHandler, toDispatcher]) {
    expect(new Set(types).size).toBe(5);
    expect(types.every((type) => (type & TYPE_MASK) === type && type !== 0)).toBe(true);
  }
  expect((LAST | CLOSE | FIRST) & TYPE_MASK).toBe(0);
  expect(LAST ^ CLOSE ^ FIRST).toBe(LAST | CLOSE | FIRST);
});
