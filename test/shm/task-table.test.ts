import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  DispatcherTaskTable,
  HandlerTaskTable,
  TaskState,
  taskTableBytes,
} from "../../src/shm/task-table.ts";

function makeTable(entryCount: number) {
  const memory = new SharedArrayBuffer(taskTableBytes(entryCount));
  return {
    memory,
    dispatcher: new DispatcherTaskTable(memory, 0, entryCount),
    handler: new HandlerTaskTable(memory, 0, entryCount),
  };
}

test("a task goes from allocate over tryStart to free", () => {
  const { dispatcher, handler } = makeTable(4);
  const entry = dispatcher.allocate();
  expect(dispatcher.stateOf(entry)).toBe(TaskState.QUEUED);
  expect(dispatcher.usedCount).toBe(1);
  expect(handler.tryStart(entry)).toBe(true);
  expect(handler.tryStart(entry)).toBe(false);
  expect(dispatcher.tryTakeBack(entry)).toBe(false);
  dispatcher.free(entry);
  expect(dispatcher.usedCount).toBe(0);
  expect(dispatcher.stateOf(entry)).toBe(TaskState.FREE);
});

test("allocate gives each entry once and -1 when all are in use", () => {
  const { dispatcher } = makeTable(8);
  const entries = Array.from({ length: 8 }, () => dispatcher.allocate());
  expect(entries.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(dispatcher.allocate()).toBe(-1);
  dispatcher.discard(5);
  expect(dispatcher.allocate()).toBe(5);
});

test("a large table that is used whole, given back and taken back has each of its entries once", () => {
  const count = 4096;
  const { dispatcher, handler, memory } = makeTable(count);
  const all = Array.from({ length: count }, (_, entry) => entry);
  const allocated = (): number[] => all.map(() => dispatcher.allocate()).sort((left, right) => left - right);
  expect(allocated()).toEqual(all);
  expect(dispatcher.allocate()).toBe(-1);
  for (const entry of all) {
    if (entry % 2 === 0) dispatcher.discard(entry);
    else dispatcher.tryTakeBack(entry);
  }
  for (const entry of all) if (entry % 2 === 1) handler.skip(entry);
  expect(allocated()).toEqual(all);
  // One that takes the place of a dead dispatcher starts with as many.
  const successor = new DispatcherTaskTable(memory, 0, count);
  successor.recover(
    () => false,
    () => {},
  );
  expect(successor.usedCount).toBe(0);
  expect(all.map(() => successor.allocate()).sort((left, right) => left - right)).toEqual(all);
});

test("an entry taken back is not reused before the handler has met its record", () => {
  const { dispatcher, handler } = makeTable(1);
  const entry = dispatcher.allocate();
  expect(dispatcher.tryTakeBack(entry)).toBe(true);
  expect(dispatcher.tryTakeBack(entry)).toBe(false);
  expect(dispatcher.allocate()).toBe(-1);
  expect(handler.tryStart(entry)).toBe(false);
  expect(dispatcher.allocate()).toBe(-1);
  handler.skip(entry);
  expect(dispatcher.allocate()).toBe(entry);
});

test("sweep reports what was started and what was queued, and frees everything", () => {
  const { dispatcher, handler } = makeTable(8);
  for (let entry = 0; entry < 7; entry++) expect(dispatcher.allocate()).toBe(entry);
  handler.tryStart(0);
  handler.tryStart(1);
  dispatcher.free(1);
  dispatcher.tryTakeBack(2);
  dispatcher.tryTakeBack(3);
  handler.skip(3);
  handler.tryStart(5);
  const seen: [number, TaskState][] = [];
  expect(dispatcher.sweep((entry, state) => seen.push([entry, state]))).toBe(4);
  expect(seen).toEqual([
    [0, TaskState.STARTED],
    [4, TaskState.QUEUED],
    [5, TaskState.STARTED],
    [6, TaskState.QUEUED],
  ]);
  expect(dispatcher.usedCount).toBe(0);
  const entries = new Set(Array.from({ length: 8 }, () => dispatcher.allocate()));
  expect(entries.size).toBe(8);
  expect(entries.has(-1)).toBe(false);
});

test("freeing an entry in the wrong state is refused", () => {
  const { dispatcher, handler } = makeTable(2);
  expect(() => dispatcher.free(0)).toThrow(RangeError);
  const entry = dispatcher.allocate();
  expect(() => dispatcher.free(entry)).toThrow(RangeError);
  handler.tryStart(entry);
  expect(() => dispatcher.discard(entry)).toThrow(RangeError);
  dispatcher.free(entry);
  expect(() => dispatcher.free(entry)).toThrow(RangeError);
  expect(() => taskTableBytes(100)).toThrow(RangeError);
});

test("in every interleaving each task is run once, or taken back once, or swept", () => {
  const step = fc.record({
    kind: fc.constantFrom("allocate", "allocate", "handler", "handler", "take back", "result", "death"),
    pick: fc.nat(63),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 150 }), (steps) => {
      const { dispatcher, handler } = makeTable(8);
      /** The ring: entries and the task that each record stands for. */
      let records: { entry: number; task: number }[] = [];
      const taskAt = new Map<number, number>();
      const queued = new Set<number>();
      const running = new Set<number>();
      let task = 0;
      for (const { kind, pick } of steps) {
        if (kind === "allocate") {
          const entry = dispatcher.allocate();
          // Full only when every entry is queued, running, or named by a record of a task taken back.
          const held = new Set([...records.map((record) => record.entry), ...running]);
          expect(entry === -1).toBe(held.size === 8);
          if (entry === -1) continue;
          expect(queued.has(entry) || running.has(entry)).toBe(false);
          expect(records.some((record) => record.entry === entry)).toBe(false);
          taskAt.set(entry, ++task);
          queued.add(entry);
          records.push({ entry, task });
        } else if (kind === "handler") {
          const record = records.shift();
          if (record === undefined) continue;
          expect(handler.tryStart(record.entry)).toBe(queued.has(record.entry));
          if (queued.delete(record.entry)) {
            expect(taskAt.get(record.entry)).toBe(record.task);
            running.add(record.entry);
          } else handler.skip(record.entry);
        } else if (kind === "take back") {
          const entry = pick % 8;
          expect(dispatcher.tryTakeBack(entry)).toBe(queued.has(entry));
          queued.delete(entry);
        } else if (kind === "result") {
          const entry = [...running][pick % 8];
          if (entry === undefined) continue;
          dispatcher.free(entry);
          running.delete(entry);
        } else {
          const started: number[] = [];
          const waiting: number[] = [];
          dispatcher.sweep((entry, state) => (state === TaskState.STARTED ? started : waiting).push(entry));
          expect(started).toEqual([...running].toSorted());
          expect(waiting).toEqual([...queued].toSorted());
          records = [];
          running.clear();
          queued.clear();
          expect(dispatcher.usedCount).toBe(0);
        }
      }
    }),
    { numRuns: 400 },
  );
});
