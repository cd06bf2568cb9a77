/**
 * Which request a dispatcher runs (`inline-host.ts`), read by main while it hangs.
 *
 * A dispatcher that hangs cannot be asked. So it writes the record of each request that it runs into memory of main's, in place of memory
 * of its own, and says since when it runs: that costs two stores. Of a record that lies elsewhere it copies the beginning.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { type RunningRequest, requestOf } from "../channel/running-request.ts";
import { type RecordMemory, TaskView } from "../channel/task-record.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import { INLINE_RECORD_BYTES, type ServerMemory } from "./server-memory.ts";

/** A request that a dispatcher runs, and for how long it has, in ms. */
export interface InlineRun extends RunningRequest {
  readonly ms: number;
}

/** Where a dispatcher writes the requests that it runs. */
export function inlineRecordOf(memory: ServerMemory, index: number): RecordMemory {
  const { bytes } = NativeBuffer.at(memory.inlineAt + index * INLINE_RECORD_BYTES, INLINE_RECORD_BYTES);
  return { bytes, words: new Int32Array(bytes.buffer, bytes.byteOffset, INLINE_RECORD_BYTES / 4) };
}

/** What a dispatcher runs at `nowMs` (monotonic); null when that is nothing, or not the same for as long as this takes. */
export function inlineRunOf(
  memory: ServerMemory,
  control: ControlBlock,
  index: number,
  nowMs: number,
): InlineRun | null {
  const sinceMs = control.inlineSinceMs(index);
  if (sinceMs === 0) return null;
  const request = requestOf(new TaskView(inlineRecordOf(memory, index)));
  if (control.inlineSinceMs(index) !== sinceMs) return null;
  return { ...request, ms: Math.max(0, nowMs - sinceMs) };
}
