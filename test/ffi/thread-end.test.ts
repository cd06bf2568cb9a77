import { expect, test } from "bun:test";
import { shutdownAtEnd } from "../../ffi/thread-end.ts";

/** A socket pair by way of a listener: what one end writes the other can read, until one is shut down. */
async function connectedPair() {
  const accepted = Promise.withResolvers<Bun.Socket>();
  const ended = Promise.withResolvers<void>();
  let isEnded = false;
  void ended.promise.then(() => {
    isEnded = true;
  });
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
  return {
    fd: (server as unknown as { fd: number }).fd,
    ended: ended.promise,
    isEnded: () => isEnded,
    client,
    server,
    listener,
  };
}

test("made early it is made once", async () => {
  const { fd, ended, isEnded, client, server, listener } = await connectedPair();
  const call = shutdownAtEnd(fd, 2);
  await Bun.sleep(20);
  expect(isEnded()).toBe(false);
  call.now();
  await ended;
  call.now();
  client.end();
  server.end();
  listener.stop(true);
});

test("it is made when its thread is terminated, and by no collection before", async () => {
  const { fd, ended, isEnded, client, server, listener } = await connectedPair();
  const worker = new Worker(new URL("./thread-end-worker.ts", import.meta.url).href);
  const ready = new Promise((resolve) => worker.addEventListener("message", resolve));
  worker.postMessage(fd);
  await ready;
  await Bun.sleep(20);
  expect(isEnded()).toBe(false);
  worker.terminate();
  await ended;
  client.end();
  server.end();
  listener.stop(true);
});
