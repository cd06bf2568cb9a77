/**
 * Blocks of shared memory for payloads that are too large for a ring record.
 *
 * One writer thread fills blocks, one or several reader threads empty them. A record in the ring from the writer to the
 * reader names the block. Layout: `blockCount` state words, then the blocks, at a multiple of 128.
 *
 * State word: the state in the low byte, the number of the reader above it.
 *
 *   FREE ──allocate──▶ WRITER ──hand(reader)──▶ HANDED ──accept──▶ READER ──free──▶ FREE
 *          writer        │       writer                   reader             reader
 *                        └──release──▶ FREE (writer changed its mind)
 *
 * No state can be left by two living threads, so plain atomic loads and stores suffice. WRITER and HANDED are left by
 * the writer and the reader; that the reader does not accept before the writer has handed is certain, because the
 * record comes after `hand` and is seen only when published.
 *
 * Why HANDED and not READER at once: a writer killed after `hand` and before it published the record would leave a block
 * that no record names and nobody frees. So the block changes hands when the reader meets the record: after the
 * writer's death the reader reads all that was published, accepting what it meets, and then what is still HANDED to it
 * is named by no record and can be freed (`sweepWriter`). Likewise after a reader's death (`sweepReader`).
 */
import { alignUp, checkPlace, ISOLATION_BYTES, WORD_BYTES } from "./layout.ts";

/** The values of a block's state (low byte of its word). New memory (zeroes) is a slab of FREE blocks. */
export const BlockState = {
  /** Only the writer takes it. */
  FREE: 0,
  /** The writer fills it. */
  WRITER: 1,
  /** Filled, and named by a record that the reader has not met. */
  HANDED: 2,
  /** The reader uses it. */
  READER: 3,
} as const;

/** One of the `BlockState` values. */
export type BlockState = (typeof BlockState)[keyof typeof BlockState];

/** Default size of a block, in bytes. */
export const DEFAULT_BLOCK_BYTES = 65536;

const STATE_MASK = 0xff;
const READER_SHIFT = 8;
const MAX_READER = 0x7fffff;

/**
 * Returns the shared memory that a slab needs, in bytes: a multiple of 128.
 * @throws RangeError when `blockCount` is no positive integer or `blockBytes` no positive multiple of 64.
 */
export function slabBytes(blockCount: number, blockBytes: number = DEFAULT_BLOCK_BYTES): number {
  if (!Number.isSafeInteger(blockCount) || blockCount < 1) {
    throw new RangeError(`slab needs at least one block, got ${blockCount}`);
  }
  if (!Number.isSafeInteger(blockBytes) || blockBytes < 64 || blockBytes % 64 !== 0) {
    throw new RangeError(`slab block size must be a positive multiple of 64 bytes, got ${blockBytes}`);
  }
  return stateBytes(blockCount) + slabBlockBytes(blockCount, blockBytes);
}

/** Returns how many of those bytes, at their end, the blocks take. */
export function slabBlockBytes(blockCount: number, blockBytes: number = DEFAULT_BLOCK_BYTES): number {
  return alignUp(blockCount * blockBytes, ISOLATION_BYTES);
}

function stateBytes(blockCount: number): number {
  return alignUp(blockCount * WORD_BYTES, ISOLATION_BYTES);
}

/** What both ends of a slab see: the blocks and their states. */
class SlabView {
  /** Number of blocks. */
  readonly blockCount: number;
  /** Size of each block. */
  readonly blockBytes: number;
  /** The state words. */
  protected readonly words: Int32Array;
  readonly #view: () => Buffer;
  #bytes: Buffer | null = null;

  /**
   * @param blocks views the blocks; undefined when they lie behind the state words in `memory`
   * @throws RangeError when the slab does not fit there.
   */
  constructor(
    memory: SharedArrayBuffer,
    byteOffset: number,
    blockCount: number,
    blockBytes: number,
    blocks: (() => Buffer) | undefined,
  ) {
    const blocksAt = stateBytes(blockCount);
    const wholeBytes = slabBytes(blockCount, blockBytes);
    checkPlace("slab", memory, byteOffset, blocks === undefined ? wholeBytes : blocksAt, ISOLATION_BYTES);
    this.blockCount = blockCount;
    this.blockBytes = blockBytes;
    this.words = new Int32Array(memory, byteOffset, blockCount);
    this.#view = blocks ?? (() => Buffer.from(memory, byteOffset + blocksAt, blockCount * blockBytes));
  }

  /** View over all blocks; block `i` starts at `blockOffset(i)`. Made when it is first asked for: most slabs are never used. */
  get bytes(): Buffer {
    this.#bytes ??= this.#view();
    return this.#bytes;
  }

  /** Byte offset of a block in `bytes`. */
  blockOffset(block: number): number {
    return block * this.blockBytes;
  }

  /** The state of a block now. */
  stateOf(block: number): BlockState {
    return (Atomics.load(this.words, block) & STATE_MASK) as BlockState;
  }

  /** Number of FREE blocks now, counted one by one. */
  countFree(): number {
    let count = 0;
    for (let block = 0; block < this.blockCount; block++) {
      if (this.stateOf(block) === BlockState.FREE) count++;
    }
    return count;
  }

  /** Changes a block's word from `expected`, or throws: a wrong state means a block with two owners. */
  protected change(block: number, expected: number, next: number): void {
    const found = Atomics.load(this.words, block);
    if (found !== expected) throw wrongState(block, found, expected);
    Atomics.store(this.words, block, next);
  }

  /** Frees a block if its word is `expected`: 1 if it was. Compare-and-exchange, since several readers may sweep. */
  protected sweepWord(block: number, expected: number): number {
    return Atomics.compareExchange(this.words, block, expected, BlockState.FREE) === expected ? 1 : 0;
  }
}

/** The writing end of a slab. **Thread**: one writer at a time. **Blocks**: never. */
export class SlabWriter extends SlabView {
  /** Where the next search starts: behind the block allocated last, since blocks come back in about that order. */
  #hint = 0;

  /** Attaches as the writer, also in place of one that died and was swept. */
  constructor(
    memory: SharedArrayBuffer,
    byteOffset: number,
    blockCount: number,
    blockBytes: number = DEFAULT_BLOCK_BYTES,
    blocks?: () => Buffer,
  ) {
    super(memory, byteOffset, blockCount, blockBytes, blocks);
  }

  /** Takes a FREE block for filling and returns its index, or -1 when none is free now. */
  allocate(): number {
    const { words, blockCount } = this;
    let block = this.#hint;
    for (let tries = blockCount; tries > 0; tries--) {
      // Pairs with the store in SlabReader.free: the reader has finished reading.
      if (Atomics.load(words, block) === BlockState.FREE) {
        Atomics.store(words, block, BlockState.WRITER);
        this.#hint = block + 1 === blockCount ? 0 : block + 1;
        return block;
      }
      if (++block === blockCount) block = 0;
    }
    return -1;
  }

  /**
   * Takes `count` FREE blocks that lie one behind the other, and returns the index of the first, or -1 when there is no
   * such run now. Each of them is then handed, accepted and freed like any block.
   */
  allocateRun(count: number): number {
    if (count === 1) return this.allocate();
    const { words, blockCount } = this;
    let length = 0;
    // Once round from the hint, and on for as long as a run may straddle it; a run never wraps.
    for (let step = 0, block = this.#hint; step < blockCount + count; step++) {
      if (block === blockCount) {
        block = 0;
        length = 0;
      }
      length = Atomics.load(words, block) === BlockState.FREE ? length + 1 : 0;
      block++;
      if (length < count) continue;
      const first = block - count;
      for (let index = first; index < block; index++) Atomics.store(words, index, BlockState.WRITER);
      this.#hint = block === blockCount ? 0 : block;
      return first;
    }
    return -1;
  }

  /**
   * Hands a filled block to reader number `reader` (0 to 2^23 - 1, default 0). Call it before publishing the record that
   * names the block.
   * @throws RangeError when the block is not being filled.
   */
  hand(block: number, reader: number = 0): void {
    this.change(block, BlockState.WRITER, BlockState.HANDED | (reader << READER_SHIFT));
  }

  /** Gives back a block that was allocated and not handed. @throws RangeError when it is in another state. */
  release(block: number): void {
    this.change(block, BlockState.WRITER, BlockState.FREE);
  }

  /**
   * After the death of a reader: frees all blocks it had accepted or not met, and returns how many. The ring to the
   * dead reader is to be reset, for its records name these blocks.
   */
  sweepReader(reader: number = 0): number {
    let count = 0;
    for (let block = 0; block < this.blockCount; block++) {
      count += this.sweepWord(block, BlockState.HANDED | (reader << READER_SHIFT));
      count += this.sweepWord(block, BlockState.READER | (reader << READER_SHIFT));
    }
    return count;
  }
}

/** The reading end of a slab. **Thread**: one thread for each reader number. **Blocks**: never. */
export class SlabReader extends SlabView {
  readonly #handed: number;
  readonly #accepted: number;

  /** Attaches as reader number `reader`, default 0. */
  constructor(
    memory: SharedArrayBuffer,
    byteOffset: number,
    blockCount: number,
    blockBytes: number = DEFAULT_BLOCK_BYTES,
    reader: number = 0,
    blocks?: () => Buffer,
  ) {
    super(memory, byteOffset, blockCount, blockBytes, blocks);
    if (!Number.isSafeInteger(reader) || reader < 0 || reader > MAX_READER) {
      throw new RangeError(`slab reader number must be 0 to ${MAX_READER}, got ${reader}`);
    }
    this.#handed = BlockState.HANDED | (reader << READER_SHIFT);
    this.#accepted = BlockState.READER | (reader << READER_SHIFT);
  }

  /**
   * Takes over a block that a record named. Call it for each record met, before the ring record is released.
   * @throws RangeError when the block was not handed to this reader.
   */
  accept(block: number): void {
    this.change(block, this.#handed, this.#accepted);
  }

  /** Gives back an accepted block. @throws RangeError when this reader does not have it. */
  free(block: number): void {
    this.change(block, this.#accepted, BlockState.FREE);
  }

  /** In place of a reader that died: frees the blocks that it had accepted, and returns how many. What is handed stays. */
  sweepAccepted(): number {
    let count = 0;
    for (let block = 0; block < this.blockCount; block++) count += this.sweepWord(block, this.#accepted);
    return count;
  }

  /**
   * After the writer's death: frees the blocks it was filling and those handed to this reader that no record names, and
   * returns how many. First read the ring to its end, accepting what its records name; accepted blocks stay with the
   * reader. Every reader does this before a new writer attaches.
   */
  sweepWriter(): number {
    let count = 0;
    for (let block = 0; block < this.blockCount; block++) {
      count += this.sweepWord(block, BlockState.WRITER);
      count += this.sweepWord(block, this.#handed);
    }
    return count;
  }
}

function wrongState(block: number, found: number, expected: number): RangeError {
  return new RangeError(
    `slab block ${block} is in state ${found & STATE_MASK} of reader ${found >> READER_SHIFT}, expected state ` +
      `${expected & STATE_MASK} of reader ${expected >> READER_SHIFT}`,
  );
}
