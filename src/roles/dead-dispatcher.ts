/**
 * What main does when a dispatcher has ended without having been asked to, before it starts another in its place.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { errorReply } from "../http/response-head.ts";
import { closeSocket, isSocket, shutdownWrite, transmit } from "../net/stream-socket.ts";
import type { Waker } from "../net/waker.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { admissionOf, dispatcherCounters, type ServerMemory } from "./server-memory.ts";

/**
 * Puts in order what a dead dispatcher has left in the memory of the server, and answers for the handler that it ended in.
 *
 * @param descriptors what it held
 * @param acceptor woken when there is room for connections again
 * @returns what of that is still to be closed
 */
export function buryDispatcher(
  memory: ServerMemory,
  control: ControlBlock,
  index: number,
  descriptors: readonly number[],
  acceptor: Waker,
): readonly number[] {
  const fd = control.inlineClient(index);
  control.resetDispatcher(index);
  const admission = admissionOf(memory);
  if (admission !== null) {
    for (const other of descriptors) {
      if (isSocket(other) && admission.leave(admission.noted(other))) acceptor.wake();
    }
  }
  const counters = dispatcherCounters(memory, index);
  counters[DispatcherCounter.clientsClosed] = counters[DispatcherCounter.clientsOpened]!;
  if (!descriptors.includes(fd)) return descriptors;
  refuse(fd);
  return descriptors.filter((other) => other !== fd);
}

/** Closes a connection with a 503 as its last answer. */
function refuse(fd: number): void {
  const reply = errorReply(503);
  const copy = NativeBuffer.allocate(reply.length);
  reply.copy(copy.bytes);
  transmit(fd, copy.address, copy.length);
  shutdownWrite(fd);
  closeSocket(fd);
}
