import { expect, test } from "bun:test";
import { createConnection, type Socket } from "node:net";
import { Waker } from "../../src/net/waker.ts";
import { fdCount } from "../support/process-info.ts";
import { openLoopback } from "./raw-client.ts";

interface Counts {
  accepted: number;
  blockedWrites: number;
}

function once(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once("error", reject);
  });
}

/** Sends `sent` in pieces while reading, ends, and gives what came back. With `pauseMs` it reads nothing at first. */
async function exchange(port: number, sent: Buffer, pieceBytes: number, pauseMs = 0): Promise<Buffer> {
  const socket = createConnection(port, "127.0.0.1");
  await once(socket, "connect");
  const chunks: Buffer[] = [];
  if (pauseMs > 0) socket.pause();
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (pauseMs > 0) {
    socket.pause();
    setTimeout(() => socket.resume(), pauseMs);
  }
  for (let offset = 0; offset < sent.length; offset += pieceBytes) {
    if (!socket.write(sent.subarray(offset, offset + pieceBytes))) await once(socket, "drain");
  }
  socket.end();
  await once(socket, "close");
  return Buffer.concat(chunks);
}

function randomBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let offset = 0; offset < length; offset += 65536) {
    crypto.getRandomValues(bytes.subarray(offset, Math.min(length, offset + 65536)));
  }
  return bytes;
}

test("an echo server on a thread of its own returns every byte to its own client", async () => {
  const before = fdCount();
  const listener = openLoopback();
  const waker = Waker.create();
  const url = new URL("./echo-worker.ts", import.meta.url);
  const workerData = { listenerFd: listener.fd, wakerFd: waker.fd };
  const worker = new Worker(url.href, { workerData } as unknown as WorkerOptions);
  const message = <T>(): Promise<T> =>
    new Promise((resolve) => {
      worker.onmessage = (event) => resolve(event.data as T);
    });
  await message();

  // Several waves, so that slots and descriptors are used again; sizes from one byte to more than any kernel buffer.
  const sizes = [1, 1000, 70_000, 3_000_000];
  for (let wave = 0; wave < 3; wave++) {
    await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const sent = randomBytes(sizes[index % sizes.length]!);
        const received = await exchange(listener.port, sent, 1 + index * 7919, index % 2 === 0 ? 20 : 0);
        expect(received.equals(sent)).toBe(true);
      }),
    );
  }

  const report = message<Counts>();
  // The thread sleeps in epoll_wait without end; only this wakes it.
  waker.wake();
  const counts = await report;
  expect(counts.accepted).toBe(36);
  const closed = new Promise((resolve) => worker.addEventListener("close", resolve));
  worker.terminate();
  await closed;
  waker.close();
  listener.close();
  expect(fdCount()).toBeLessThanOrEqual(before + 3);
});
