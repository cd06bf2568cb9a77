/**
 * An echo server on one thread, made of listener, accept, poller, stream socket and waker alone: what a dispatcher does,
 * without HTTP. Stops when it is woken, and then posts what it has seen.
 */
import { workerData } from "node:worker_threads";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import {
  ACCEPT_RETRY,
  acceptClient,
  allocateAcceptBuffer,
  classifyAcceptFailure,
} from "../../src/net/accept.ts";
import { Poller, READABLE } from "../../src/net/poller.ts";
import { closeSocket, receive, transmit, WOULD_BLOCK } from "../../src/net/stream-socket.ts";

declare const self: Worker;

interface Echo {
  fd: number;
  generation: number;
  memory: NativeBuffer;
  startByte: number;
  endByte: number;
}

const { listenerFd, wakerFd } = workerData as { listenerFd: number; wakerFd: number };
const LISTENER_SLOT = -1;
const WAKER_SLOT = -2;
const CLOSED = -1;
const poller = new Poller();
poller.registerReadable(listenerFd, LISTENER_SLOT, 0);
poller.registerReadable(wakerFd, WAKER_SLOT, 0);
const acceptBuffer = allocateAcceptBuffer();
const clients: Echo[] = [];
const counts = { accepted: 0, blockedWrites: 0, staleEvents: 0 };

function acceptAll(): void {
  for (;;) {
    const fd = acceptClient(listenerFd, acceptBuffer);
    if (fd < 0 && classifyAcceptFailure(fd) === ACCEPT_RETRY) continue;
    if (fd < 0) return;
    counts.accepted++;
    let slot = clients.findIndex((client) => client.fd === CLOSED);
    if (slot < 0) {
      slot = clients.length;
      clients.push({ fd, generation: 0, memory: NativeBuffer.allocate(1 << 15), startByte: 0, endByte: 0 });
    }
    const client = clients[slot]!;
    client.fd = fd;
    client.generation++;
    client.startByte = client.endByte = 0;
    poller.register(fd, slot, client.generation);
  }
}

/** Moves bytes until one direction would block: after that the next edge comes. */
function echo(client: Echo): void {
  for (;;) {
    if (client.startByte === client.endByte) {
      const result = receive(client.fd, client.memory.address, client.memory.length);
      if (result === WOULD_BLOCK) return;
      if (result <= 0) {
        closeSocket(client.fd);
        client.fd = CLOSED;
        return;
      }
      client.startByte = 0;
      client.endByte = result;
    }
    const length = client.endByte - client.startByte;
    const result = transmit(client.fd, client.memory.address + client.startByte, length);
    if (result === WOULD_BLOCK) {
      counts.blockedWrites++;
      return;
    }
    client.startByte += result;
  }
}

self.postMessage("ready");
for (let isRunning = true; isRunning; ) {
  const count = poller.wait(-1);
  for (let index = 0; index < count; index++) {
    const slot = poller.slotOf(index);
    if (slot === WAKER_SLOT) isRunning = false;
    else if (slot === LISTENER_SLOT && poller.flagsOf(index) & READABLE) acceptAll();
    else if (clients[slot]!.fd === CLOSED || clients[slot]!.generation !== poller.generationOf(index))
      counts.staleEvents++;
    else echo(clients[slot]!);
  }
}
for (const client of clients) if (client.fd !== CLOSED) closeSocket(client.fd);
poller.close();
self.postMessage(counts);
