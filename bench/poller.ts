/**
 * What a system call through src/net costs: `bun bench/poller.ts`. Prints nanoseconds per call, best of five rounds.
 *
 * Void when something else runs on the core: compare the rounds. The kernel's share is in every number; "close(-1)"
 * is nearly no kernel work, so it shows the price of crossing into C with the wrapper and errno.
 */
import { close, connect, send, socket } from "../ffi/calls.ts";
import { AF_INET, SOCK_STREAM } from "../ffi/constants.ts";
import { errno } from "../ffi/errno.ts";
import { encodeSockaddrIn } from "../ffi/layout.ts";
import { libc } from "../ffi/libc.ts";
import { NativeBuffer } from "../ffi/native-buffer.ts";
import { acceptClient, allocateAcceptBuffer } from "../src/net/accept.ts";
import { openListener } from "../src/net/listener.ts";
import { Poller } from "../src/net/poller.ts";
import { receive, transmit } from "../src/net/stream-socket.ts";
import { type TimerEntry, TimerWheel } from "../src/net/timer-wheel.ts";
import { Waker } from "../src/net/waker.ts";

const CALLS = 300_000;
const ROUNDS = 5;

function measure(name: string, run: (count: number) => void): void {
  let bestNs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const began = Bun.nanoseconds();
    run(CALLS);
    bestNs = Math.min(bestNs, (Bun.nanoseconds() - began) / CALLS);
  }
  console.log(`${name.padEnd(48)} ${bestNs.toFixed(1).padStart(8)} ns`);
}

const listener = openListener({ hostname: "127.0.0.1", port: 0, reusePort: false, ipv6Only: false });
const client = socket(AF_INET, SOCK_STREAM, 0);
const sockaddr = NativeBuffer.allocate(16);
encodeSockaddrIn(sockaddr.bytes, Uint8Array.of(127, 0, 0, 1), listener.port);
connect(client, sockaddr.address, 16);
const memory = NativeBuffer.allocate(4096);
send(client, memory.address, 1, 0);
const acceptBuffer = allocateAcceptBuffer();
let server = acceptClient(listener.fd, acceptBuffer);
while (server < 0) server = acceptClient(listener.fd, acceptBuffer);
const poller = new Poller();
poller.register(server, 1, 1);
poller.wait(0);
receive(server, memory.address, 1);
const waker = Waker.create();
const nativeClose = libc.close;
const nativeGetpid = libc.getpid;
let sink = 0;

measure("getpid: binding", (count) => {
  for (let index = 0; index < count; index++) sink += nativeGetpid();
});
measure("close(-1): binding", (count) => {
  for (let index = 0; index < count; index++) sink += nativeClose(-1);
});
measure("close(-1): wrapper with errno", (count) => {
  for (let index = 0; index < count; index++) sink += close(-1);
});
measure("errno()", (count) => {
  for (let index = 0; index < count; index++) sink += errno();
});
measure("receive: would block", (count) => {
  for (let index = 0; index < count; index++) sink += receive(server, memory.address, 4096);
});
measure("poller.wait(0): nothing", (count) => {
  for (let index = 0; index < count; index++) sink += poller.wait(0);
});
measure("transmit 100 bytes + receive them (loopback)", (count) => {
  for (let index = 0; index < count; index++) {
    transmit(client, memory.address, 100);
    sink += receive(server, memory.address, 4096);
  }
});
measure("waker.wake", (count) => {
  for (let index = 0; index < count; index++) waker.wake();
});
poller.registerReadable(waker.fd, 7, 9);
measure("waker.wake + poller.wait + token", (count) => {
  for (let index = 0; index < count; index++) {
    waker.wake();
    poller.wait(0);
    sink += poller.slotOf(0) + poller.generationOf(0) + poller.flagsOf(0);
  }
});

const wheel = new TimerWheel(0);
const entries: TimerEntry[] = Array.from({ length: 1000 }, (_, index) => ({
  deadlineMs: 1000 + index,
  wheelNext: null,
  wheelPrevious: null,
  wheelBucket: -1,
}));
measure("timer wheel: add + remove", (count) => {
  for (let index = 0; index < count; index++) {
    const entry = entries[index % 1000]!;
    wheel.add(entry);
    wheel.remove(entry);
  }
});

poller.close();
waker.close();
close(server);
close(client);
listener.close();
if (Number.isNaN(sink)) throw new Error("a call gave no number");
