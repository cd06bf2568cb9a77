import { expect, test } from "bun:test";
import fc from "fast-check";
import { BlockState, SlabReader, SlabWriter, slabBytes } from "../../src/shm/slab.ts";

const BLOCK_BYTES = 128;

function makeSlab(blockCount: number, readers = 1) {
  const memory = new SharedArrayBuffer(slabBytes(blockCount, BLOCK_BYTES));
  return {
    memory,
    writer: new SlabWriter(memory, 0, blockCount, BLOCK_BYTES),
    readers: Array.from(
      { length: readers },
      (_, reader) => new SlabReader(memory, 0, blockCount, BLOCK_BYTES, reader),
    ),
  };
}

test("a block goes from the writer to the reader and back", () => {
  const { writer, readers } = makeSlab(3);
  const reader = readers[0]!;
  const block = writer.allocate();
  writer.bytes.write("payload", writer.blockOffset(block), 7, "latin1");
  writer.hand(block);
  expect(reader.stateOf(block)).toBe(BlockState.HANDED);
  reader.accept(block);
  expect(reader.bytes.toString("latin1", reader.blockOffset(block), reader.blockOffset(block) + 7)).toBe(
    "payload",
  );
  expect(writer.countFree()).toBe(2);
  reader.free(block);
  expect(writer.countFree()).toBe(3);
});

test("blocks do not overlap, and allocate says -1 when all are in use", () => {
  const { writer } = makeSlab(3);
  const blocks = [writer.allocate(), writer.allocate(), writer.allocate()];
  expect(blocks.toSorted()).toEqual([0, 1, 2]);
  expect(writer.allocate()).toBe(-1);
  expect(blocks.map((block) => writer.blockOffset(block)).toSorted((a, b) => a - b)).toEqual([0, 128, 256]);
  expect(writer.bytes.length).toBe(3 * BLOCK_BYTES);
  writer.release(blocks[1]!);
  expect(writer.allocate()).toBe(blocks[1]!);
});

test("a run is of blocks side by side, and never wraps", () => {
  const { writer } = makeSlab(6);
  expect(writer.allocateRun(4)).toBe(0);
  for (let block = 0; block < 4; block++) expect(writer.stateOf(block)).toBe(BlockState.WRITER);
  // Two are left at the end and none at the start.
  expect(writer.allocateRun(3)).toBe(-1);
  writer.release(0);
  expect(writer.allocateRun(3)).toBe(-1);
  expect(writer.countFree()).toBe(3);
  expect(writer.allocateRun(2)).toBe(4);
  expect(writer.allocateRun(2)).toBe(-1);
  expect(writer.allocateRun(1)).toBe(0);
  expect(writer.allocateRun(1)).toBe(-1);
});

test("a run is found wherever the last search ended, also across that place", () => {
  for (let hint = 0; hint < 6; hint++) {
    for (let start = 0; start <= 3; start++) {
      const { writer } = makeSlab(6);
      // Moves the hint behind block `hint - 1`, then leaves free only the three blocks from `start` on.
      const all = Array.from({ length: 6 }, () => writer.allocate());
      for (const block of all) writer.release(block);
      for (let step = 0; step < hint; step++) writer.release(writer.allocate());
      const others = Array.from({ length: 6 }, () => writer.allocate());
      for (const block of others) if (block >= start && block < start + 3) writer.release(block);
      expect(writer.allocateRun(4)).toBe(-1);
      expect(writer.allocateRun(3)).toBe(start);
      expect(writer.countFree()).toBe(0);
    }
  }
});

test("a run as long as the slab, and one longer than it", () => {
  const { writer } = makeSlab(4);
  const block = writer.allocate();
  expect(writer.allocateRun(4)).toBe(-1);
  writer.release(block);
  expect(writer.allocateRun(5)).toBe(-1);
  expect(writer.allocateRun(4)).toBe(0);
});

test("the blocks of a run come back one by one", () => {
  const { writer, readers } = makeSlab(4);
  const reader = readers[0]!;
  const first = writer.allocateRun(3);
  for (let index = 0; index < 3; index++) writer.hand(first + index);
  for (let index = 0; index < 3; index++) reader.accept(first + index);
  reader.free(first + 1);
  expect(writer.countFree()).toBe(2);
  expect(writer.allocateRun(2)).toBe(-1);
  reader.free(first + 2);
  expect(writer.allocateRun(3)).toBe(1);
});

test("blocks of a dead writer are freed, those that the reader has accepted stay", () => {
  const { memory, writer, readers } = makeSlab(4);
  const reader = readers[0]!;
  const accepted = writer.allocate();
  const handed = writer.allocate();
  writer.allocate();
  writer.hand(accepted);
  writer.hand(handed);
  reader.accept(accepted);
  expect(reader.sweepWriter()).toBe(2);
  expect(reader.sweepWriter()).toBe(0);
  expect(reader.stateOf(accepted)).toBe(BlockState.READER);
  expect(new SlabWriter(memory, 0, 4, BLOCK_BYTES).countFree()).toBe(3);
  reader.free(accepted);
  expect(reader.countFree()).toBe(4);
});

test("with several readers each sweeps its own, and a dead reader's blocks come back", () => {
  const { writer, readers } = makeSlab(6, 2);
  const [first, second] = readers as [SlabReader, SlabReader];
  const blocks = Array.from({ length: 5 }, () => writer.allocate());
  writer.hand(blocks[0]!, 0);
  writer.hand(blocks[1]!, 1);
  writer.hand(blocks[2]!, 1);
  second.accept(blocks[2]!);
  expect(() => first.accept(blocks[1]!)).toThrow(RangeError);
  expect(() => first.free(blocks[2]!)).toThrow(RangeError);
  expect(writer.sweepReader(1)).toBe(2);
  expect(first.stateOf(blocks[0]!)).toBe(BlockState.HANDED);
  // The two still being filled, and the one handed to this reader.
  expect(first.sweepWriter()).toBe(3);
  expect(second.sweepWriter()).toBe(0);
  expect(writer.countFree()).toBe(6);
});

test("owners cannot be skipped", () => {
  const { writer, readers } = makeSlab(2);
  const reader = readers[0]!;
  expect(() => writer.hand(0)).toThrow(RangeError);
  expect(() => reader.free(0)).toThrow(RangeError);
  const block = writer.allocate();
  expect(() => reader.accept(block)).toThrow(RangeError);
  writer.hand(block);
  expect(() => writer.hand(block)).toThrow(RangeError);
  expect(() => writer.release(block)).toThrow(RangeError);
  expect(() => reader.free(block)).toThrow("state 2 of reader 0");
  reader.accept(block);
  expect(() => reader.accept(block)).toThrow(RangeError);
});

test("sizes and reader numbers are checked", () => {
  expect(() => slabBytes(0)).toThrow(RangeError);
  expect(() => slabBytes(4, 100)).toThrow(RangeError);
  const memory = new SharedArrayBuffer(slabBytes(2, 64));
  expect(() => new SlabWriter(memory, 0, 4, 64)).toThrow(RangeError);
  expect(() => new SlabReader(memory, 0, 2, 64, -1)).toThrow(RangeError);
});

test("in random histories with deaths no block has two owners and none is lost", () => {
  const step = fc.record({
    kind: fc.constantFrom(
      "allocate",
      "allocateRun",
      "hand",
      "publish",
      "read",
      "free",
      "release",
      "die",
      "mirror",
    ),
    pick: fc.nat(15),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 150 }), (steps) => {
      const { memory, writer: first, readers } = makeSlab(5);
      const reader = readers[0]!;
      let writer = first;
      let filling: number[] = [];
      let handed: number[] = [];
      let published: number[] = [];
      let reading: number[] = [];
      const takeFrom = (list: number[], pick: number): number => list.splice(pick % list.length, 1)[0]!;
      for (const { kind, pick } of steps) {
        if (kind === "allocate") {
          const used = [...filling, ...handed, ...published, ...reading];
          const block = writer.allocate();
          expect(block === -1).toBe(used.length === 5);
          expect(used).not.toContain(block);
          if (block !== -1) filling.push(block);
        } else if (kind === "allocateRun") {
          const used = [...filling, ...handed, ...published, ...reading];
          const count = 2 + (pick % 3);
          const isFree = (block: number) => !used.includes(block);
          const starts = [0, 1, 2, 3, 4].filter((block) => block + count <= 5);
          const hasRun = starts.some((start) =>
            Array.from({ length: count }, (_, index) => start + index).every(isFree),
          );
          const block = writer.allocateRun(count);
          expect(block !== -1).toBe(hasRun);
          if (block === -1) continue;
          const run = Array.from({ length: count }, (_, index) => block + index);
          expect(run.every(isFree) && block + count <= 5).toBe(true);
          filling.push(...run);
        } else if (kind === "hand" && filling.length > 0) {
          const block = takeFrom(filling, pick);
          writer.hand(block);
          handed.push(block);
        } else if (kind === "release" && filling.length > 0) writer.release(takeFrom(filling, pick));
        else if (kind === "publish") published.push(...handed.splice(0));
        else if (kind === "read" && published.length > 0) {
          const block = published.shift()!;
          reader.accept(block);
          reading.push(block);
        } else if (kind === "free" && reading.length > 0) reader.free(takeFrom(reading, pick));
        else if (kind === "die") {
          for (const block of published) reader.accept(block);
          reading.push(...published);
          expect(reader.sweepWriter()).toBe(filling.length + handed.length);
          [filling, handed, published] = [[], [], []];
          writer = new SlabWriter(memory, 0, 5, BLOCK_BYTES);
        } else if (kind === "mirror") {
          expect(writer.sweepReader()).toBe(handed.length + published.length + reading.length);
          [handed, published, reading] = [[], [], []];
        }
        const used = filling.length + handed.length + published.length + reading.length;
        expect(writer.countFree()).toBe(5 - used);
      }
    }),
    { numRuns: 300 },
  );
});
