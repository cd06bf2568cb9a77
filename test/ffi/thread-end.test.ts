import { expect, test } from "bun:test";
import { shutdownAtEnd } from "../../ffi/thread-end.ts";

/** A socket pair by way of a listener: what one end writes the other can read, until one is shut down. */
async function connectedPair() {
  const accepted = Promise.withResolvers<Bun.Socket>();
  const ended = Promise.withResolvers<void>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: accepted.resolve, data() {} },
  });
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: listener.port,
    socket: { data() {}, end: () => ended.resolve(), close: () => ended.resolve() },
  });
  const server = await accepted.promise;
  return { fd: (server as unknown as { fd: number }).fd, ended: ended.promise, client, server, listener };
}

test("made early it is made once; a collection does not make it", async () => {
  const { fd, ended, client, server, listener } = await connectedPair();
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
  });
  const call = shutdownAtEnd(fd, 2);
  for (let round = 0; round < 5; round++) {
    Bun.gc(true);
    await Bun.sleep(1);
  }
  expect(isEnded).toBe(false);
  call.now();
  await ended;
  call.now();
  client.end();
  server.end();
  listener.stop(true);
});

test("it is made when its thread is terminated", async () => {
  const { fd, ended, client, server, listener } = await connectedPair();
  const worker = new Worker(new URL("./thread-end-worker.ts", import.meta.url).href);
  const ready = new Promise((resolve) => worker.addEventListener("message", resolve));
  worker.postMessage(fd);
  await ready;
  worker.terminate();
  await ended;
  client.end();
  server.end();
  listener.stop(true);
});
