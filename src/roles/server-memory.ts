/**
 * All shared memory of one server, and its numbers, as they travel to its threads in `workerData`.
 *
 * Made by main; every other thread only makes views. Pages are touched as they are used.
 *
 * Memory of the pairs travels by its address, and each thread views the pairs it needs, without the blocks of their slabs until it
 * needs those too. To the engine all memory that a thread has seen, 10 MB for each pair, counts as if it were that thread's
 * own, and it collects garbage when there is about as much of that as of everything else: with all pairs of 25 slots on each thread
 * half a gigabyte of garbage on a dispatcher, and hundreds of MB on every handler thread. Main alone owns the memory, and so
 * keeps it: the `ServerMemory` that was allocated is reachable from the `close` listener of each thread that was started with it.
 * With handler threads the engine does not know of it there either (ffi/mapped-memory.ts); it would collect as soon as it was made,
 * at the very time at which all threads start. In main mode main runs handlers itself, and what it views of a pair may be held by a
 * program's objects for longer than the server lives: there it is a SharedArrayBuffer, which every view keeps.
 */
import type * as Mapped from "../../ffi/mapped-memory.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import type * as Pairs from "../channel/pair-memory.ts";
import { Admission, type AdmissionMemory } from "../shm/admission.ts";
import { DISPATCHER_CELLS, HANDLER_CELLS } from "../shm/buckets.ts";
import { ControlBlock } from "../shm/control-block.ts";
import {
  ACCEPTOR_COUNTERS,
  AcceptorCounter,
  counterBlock,
  counterBytes,
  DISPATCHER_COUNTERS,
  DispatcherCounter,
  HANDLER_COUNTERS,
  POOL_COUNTERS,
  sum,
} from "../shm/counters.ts";
import { DescriptorLedger, descriptorLedgerBytes } from "../shm/descriptor-ledger.ts";
import { IncomingQueue, incomingQueueBytes } from "../shm/incoming-queue.ts";

/** What the threads of a server share; it can be posted to a Worker. */
export interface ServerMemory {
  readonly dispatcherCount: number;
  /** Handler slots; the last one is the main thread's. */
  readonly handlerCount: number;
  readonly control: SharedArrayBuffer;
  readonly incoming: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  /** Where connections are counted; null when they are not limited. */
  readonly admission: AdmissionMemory | null;
  /** Which descriptors are to be closed when a thread dies. */
  readonly descriptors: SharedArrayBuffer;
  /** Address of the memory of the pairs; `pairOf` finds one. */
  readonly pairsAt: number;
  /** Address of what dispatchers say of the requests that they run (`inline-record.ts`). */
  readonly inlineAt: number;
  /** The memory at those addresses. Not posted: symbols are not. */
  readonly [OWNED]?: OwnedMemory;
}

/** What the thread has that allocated it. */
interface OwnedMemory {
  readonly pairs: SharedArrayBuffer | Mapped.MappedMemory;
  readonly inline: SharedArrayBuffer;
}

const OWNED: unique symbol = Symbol("owned");
/** The pairs that this thread has viewed. */
const viewed = new WeakMap<ServerMemory, Pairs.PairMemory[]>();

/** Bytes for a request that a dispatcher runs: the longest head with its table of fields (http/limits.ts), and a body that travels with it. */
export const INLINE_RECORD_BYTES: number = 80 * 1024;

const ACCEPTOR_BYTES = counterBytes(ACCEPTOR_COUNTERS);
const POOL_BYTES: number = counterBytes(POOL_COUNTERS);
const THREADS_AT: number = ACCEPTOR_BYTES + POOL_BYTES;
const DISPATCHER_BYTES = counterBytes(DISPATCHER_COUNTERS, DISPATCHER_CELLS);
const HANDLER_BYTES = counterBytes(HANDLER_COUNTERS, HANDLER_CELLS);

/**
 * Allocates the memory of a server.
 *
 * @param maxHandlers handler threads that may be alive at once; 0 in main mode
 * @param admission from `allocateAdmission`
 */
export function allocateServerMemory(
  dispatcherCount: number,
  maxHandlers: number,
  admission: AdmissionMemory | null = null,
): ServerMemory {
  const handlerCount = maxHandlers + 1;
  const { PAIR_BYTES } = pairSizes();
  const pairBytes = dispatcherCount * handlerCount * PAIR_BYTES;
  const pairs = maxHandlers === 0 ? new SharedArrayBuffer(pairBytes) : mapped(pairBytes);
  const inline = new SharedArrayBuffer(INLINE_RECORD_BYTES * dispatcherCount);
  return {
    dispatcherCount,
    handlerCount,
    control: new SharedArrayBuffer(ControlBlock.bytes(dispatcherCount, handlerCount)),
    incoming: new SharedArrayBuffer(incomingQueueBytes()),
    counters: new SharedArrayBuffer(
      THREADS_AT + dispatcherCount * DISPATCHER_BYTES + handlerCount * HANDLER_BYTES,
    ),
    admission,
    descriptors: new SharedArrayBuffer(descriptorLedgerBytes()),
    pairsAt: pairs instanceof SharedArrayBuffer ? addressOf(pairs) : pairs.address,
    inlineAt: addressOf(inline),
    [OWNED]: { pairs, inline },
  };
}

/** With `require`: one thread of all allocates. */
function mapped(bytes: number): Mapped.MappedMemory {
  const { MappedMemory } = require("../../ffi/mapped-memory.ts") as typeof Mapped;
  return new MappedMemory(bytes);
}

function addressOf(memory: SharedArrayBuffer): number {
  return NativeBuffer.shared(memory, 0, memory.byteLength).address;
}

/** The control block over a server's memory. */
export function controlOf(memory: ServerMemory): ControlBlock {
  return new ControlBlock(memory.control, memory.dispatcherCount, memory.handlerCount);
}

/** Who holds which descriptors. */
export function ledgerOf(memory: ServerMemory): DescriptorLedger {
  return new DescriptorLedger(memory.descriptors);
}

/** The queue of accepted clients. */
export function incomingOf(memory: ServerMemory): IncomingQueue {
  return new IncomingQueue(memory.incoming, 0);
}

/** The count of connections; null when they are not limited. */
export function admissionOf(memory: ServerMemory): Admission | null {
  return memory.admission === null ? null : new Admission(memory.admission);
}

/** Memory of the pair of a dispatcher and a handler slot. */
export function pairOf(memory: ServerMemory, dispatcher: number, slot: number): Pairs.PairMemory {
  const index = dispatcher * memory.handlerCount + slot;
  const pairs = viewed.get(memory) ?? [];
  viewed.set(memory, pairs);
  pairs[index] ??= viewPair(memory, index);
  return pairs[index];
}

function viewPair(memory: ServerMemory, index: number): Pairs.PairMemory {
  const { PAIR_BLOCK_BYTES, PAIR_BLOCKS_AT, PAIR_BYTES } = pairSizes();
  const byteOffset = index * PAIR_BYTES;
  const owned = memory[OWNED]?.pairs;
  if (owned instanceof SharedArrayBuffer) return { buffer: owned, byteOffset };
  const { bytes } = NativeBuffer.at(memory.pairsAt + byteOffset, PAIR_BLOCKS_AT);
  return {
    buffer: bytes.buffer as unknown as SharedArrayBuffer,
    byteOffset: bytes.byteOffset,
    // Of `memory` anew: whoever keeps this function keeps the memory, on the thread that owns it.
    blocks: () => NativeBuffer.at(memory.pairsAt + byteOffset + PAIR_BLOCKS_AT, PAIR_BLOCK_BYTES).bytes,
  };
}

/** With `require`: the acceptor has no pairs, and starts sooner without. */
function pairSizes(): typeof Pairs {
  return require("../channel/pair-memory.ts") as typeof Pairs;
}

/** The acceptor's counters. */
export function acceptorCounters(memory: ServerMemory): Float64Array {
  return counterBlock(memory.counters, 0, ACCEPTOR_COUNTERS);
}

/** Makes a function that tells how many connections were accepted so far, by the acceptor and by dispatchers. */
export function acceptedCount(memory: ServerMemory): () => number {
  const acceptor = acceptorCounters(memory);
  const dispatchers = Array.from({ length: memory.dispatcherCount }, (_, i) => dispatcherCounters(memory, i));
  return () => acceptor[AcceptorCounter.accepted]! + sum(dispatchers, DispatcherCounter.clientsAccepted);
}

/** The handler pool's counters. */
export function poolCounters(memory: ServerMemory): Float64Array {
  return counterBlock(memory.counters, ACCEPTOR_BYTES, POOL_COUNTERS);
}

/** A dispatcher's counters, and its buckets behind them (`shm/buckets.ts`). */
export function dispatcherCounters(memory: ServerMemory, index: number): Float64Array {
  const offset = THREADS_AT + index * DISPATCHER_BYTES;
  return counterBlock(memory.counters, offset, DISPATCHER_COUNTERS, DISPATCHER_CELLS);
}

/** The counters and buckets of a handler slot; they go on counting over all threads that were in it. */
export function handlerCounters(memory: ServerMemory, slot: number): Float64Array {
  const offset = THREADS_AT + memory.dispatcherCount * DISPATCHER_BYTES + slot * HANDLER_BYTES;
  return counterBlock(memory.counters, offset, HANDLER_COUNTERS, HANDLER_CELLS);
}
