import { afterEach, beforeEach, expect, test } from "bun:test";
import { close, syscall } from "../../ffi/calls.ts";
import { RLIMIT_NOFILE, SYS_PRLIMIT64 } from "../../ffi/constants.ts";
import { storeUint64 } from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { Log } from "../../src/log/log.ts";
import { descriptorLimit } from "../../src/net/descriptors.ts";
import type { Listener } from "../../src/net/listener.ts";
import { Waker } from "../../src/net/waker.ts";
import { Acceptor, type AcceptorSettings } from "../../src/roles/acceptor.ts";
import { AcceptorStart } from "../../src/roles/acceptor-start.ts";
import type { EssentialThread, EssentialThreads } from "../../src/roles/essential-threads.ts";
import {
  allocateServerMemory,
  controlOf,
  incomingOf,
  type ServerMemory,
} from "../../src/roles/server-memory.ts";
import { type ControlBlock, SERVER_CLOSED, SERVER_DRAINING } from "../../src/shm/control-block.ts";
import { connectTcp, openLoopback, sendText } from "../net/raw-client.ts";
import { eventually, fdCount } from "../support/process-info.ts";

let memory: ServerMemory;
let control: ControlBlock;
let listener: Listener;
let wakers: Waker[];
let started: EssentialThread[];
let start: AcceptorStart;
let logged: string[];
const opened: number[] = [];

/** Lowers or raises the soft limit of descriptors of this process. Source: prlimit(2). */
function setDescriptorLimit(count: number): void {
  const rlimit = NativeBuffer.allocate(16);
  expect(syscall(SYS_PRLIMIT64, 0, RLIMIT_NOFILE, 0, rlimit.address)).toBe(0);
  storeUint64(rlimit.int32(), 0, count);
  expect(syscall(SYS_PRLIMIT64, 0, RLIMIT_NOFILE, rlimit.address, 0)).toBe(0);
}

/** What threads would be started. */
const threads = {
  start: (thread: EssentialThread) => void started.push(thread),
} as unknown as EssentialThreads;

function make(isDutyShared: boolean): void {
  start = new AcceptorStart(
    {
      memory,
      listenerFd: listener.fd,
      isShared: listener.isShared,
      wakerFd: wakers[0]!.fd,
      dispatcherWakerFds: [wakers[1]!.fd],
      whenFull: "refuse",
      proxies: null,
      isDutyShared,
    },
    control,
    new Log("main", (record) => void logged.push(record.message)),
  );
}

beforeEach(() => {
  memory = allocateServerMemory(1, 0);
  control = controlOf(memory);
  listener = openLoopback();
  wakers = [Waker.create(), Waker.create()];
  started = [];
  logged = [];
});
afterEach(() => {
  for (const fd of opened.splice(0)) close(fd);
  for (const waker of wakers) waker.close();
  listener.close();
});

function connect(): void {
  const fd = connectTcp(listener.port);
  opened.push(fd);
  // The kernel tells of a connection with its first byte.
  sendText(fd, "x");
}

test("where nobody else may accept it starts at once", () => {
  make(false);
  let deaths = 0;
  start.begin(threads, () => deaths++);
  expect(started.map(({ entry }) => entry)).toEqual(["acceptor"]);
  expect(control.doDispatchersAccept).toBe(false);
  expect(started[0]!.died([5, 6])).toEqual([5, 6]);
  expect(deaths).toBe(1);
});

test("else dispatchers accept until it starts", async () => {
  make(true);
  start.begin(threads, () => {});
  expect([started.length, control.doDispatchersAccept]).toEqual([0, true]);
  start.stateChanged();
  await eventually(
    "it to be started",
    () => started.length,
    (count) => count === 1,
  );
  expect(started[0]!.settings(false)).toMatchObject({
    listenerFd: listener.fd,
    isDutyShared: true,
    wakerFd: wakers[0]!.fd,
  });
});

test("a server that stops before has the clients accepted that wait in the kernel's queue", async () => {
  make(true);
  start.begin(threads, () => {});
  for (let i = 0; i < 3; i++) connect();
  const fds = fdCount();
  control.serverState = SERVER_DRAINING;
  start.stateChanged();
  start.stateChanged();
  const incoming = incomingOf(memory);
  expect([incoming.size, control.isAcceptorEnded]).toEqual([3, true]);
  expect(fdCount()).toBe(fds + 3);
  const peer = new Int32Array(8);
  for (let i = 0; i < 3; i++) opened.push(incoming.take(peer, 0));
  await Bun.sleep(400);
  expect(started).toEqual([]);
  expect(() => connectTcp(listener.port)).toThrow();
});

test("also where its thread has started and not begun; that one ends then", async () => {
  make(true);
  start.begin(threads, () => {});
  await eventually(
    "it to be started",
    () => started.length,
    (count) => count === 1,
  );
  connect();
  const acceptor = new Acceptor(started[0]!.settings(false) as AcceptorSettings);
  control.serverState = SERVER_DRAINING;
  start.stateChanged();
  expect([incomingOf(memory).size, control.isAcceptorEnded]).toEqual([1, true]);
  acceptor.run();
  expect(incomingOf(memory).size).toBe(1);
  opened.push(incomingOf(memory).take(new Int32Array(8), 0));
});

test("one that has begun is left to it", async () => {
  make(true);
  start.begin(threads, () => {});
  control.startAcceptor();
  connect();
  control.serverState = SERVER_DRAINING;
  start.stateChanged();
  expect([incomingOf(memory).size, control.isAcceptorEnded]).toEqual([0, false]);
});

test("one that closes at once accepts nobody any more", () => {
  make(true);
  start.begin(threads, () => {});
  connect();
  const fds = fdCount();
  control.serverState = SERVER_CLOSED;
  start.stateChanged();
  expect([incomingOf(memory).size, control.isAcceptorEnded, fdCount()]).toEqual([0, true, fds]);
});

test("without descriptors it waits, and dispatchers accept on", async () => {
  const limit = descriptorLimit();
  make(true);
  start.begin(threads, () => {});
  // As a dispatcher does that has come to the last descriptors.
  control.letDispatchersAccept(false);
  setDescriptorLimit(fdCount() + 4);
  try {
    await eventually(
      "it to be put off",
      () => logged.length,
      (count) => count > 0,
    );
  } finally {
    setDescriptorLimit(limit);
  }
  expect([started.length, control.doDispatchersAccept]).toEqual([0, true]);
  expect(logged).toEqual(["out of descriptors: the acceptor is started later"]);
  await eventually(
    "it to be started",
    () => started.length,
    (count) => count === 1,
  );
});
