import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { close } from "../../ffi/calls.ts";
import { formatPeer } from "../../src/net/address.ts";
import { firstReserved } from "../../src/net/descriptors.ts";
import { type Listener, openListener } from "../../src/net/listener.ts";
import { Poller } from "../../src/net/poller.ts";
import { Waker } from "../../src/net/waker.ts";
import { LISTENER_SLOT, OwnAccepts, ownAccepts } from "../../src/roles/own-accepts.ts";
import { RetryList } from "../../src/roles/retry-list.ts";
import { allocateServerMemory, controlOf, dispatcherCounters } from "../../src/roles/server-memory.ts";
import { allocateAdmission } from "../../src/shm/admission.ts";
import { type ControlBlock, SERVER_DRAINING } from "../../src/shm/control-block.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { PEER_ADDRESS_WORDS } from "../../src/shm/incoming-queue.ts";
import { connectTcp, openLoopback, sendText } from "../net/raw-client.ts";

const peer = new Int32Array(PEER_ADDRESS_WORDS);
let listener: Listener;
let poller: Poller;
let waker: Waker;
let control: ControlBlock;
let counters: Float64Array;
let accepts: OwnAccepts;
let retries: RetryList;
const opened: number[] = [];

beforeEach(() => {
  const memory = allocateServerMemory(2, 1, null);
  listener = openLoopback();
  poller = new Poller();
  waker = Waker.create();
  control = controlOf(memory);
  counters = dispatcherCounters(memory, 0);
  const settings = { listenerFd: listener.fd, acceptorWakerFd: waker.fd };
  retries = new RetryList();
  accepts = OwnAccepts.of(settings, 0, control, poller, counters, retries)!;
  control.startAcceptor();
});
afterEach(() => {
  for (const fd of opened.splice(0)) close(fd);
  waker.close();
  poller.close();
  listener.close();
});

function connect(): void {
  const fd = connectTcp(listener.port);
  opened.push(fd);
  sendText(fd, "x");
}

/** Waits for the listener's event, and says so. */
function isNoticed(waitMs = 2000): boolean {
  const count = poller.wait(waitMs);
  if (count === 0) return false;
  expect([count, poller.slotOf(0)]).toEqual([1, LISTENER_SLOT]);
  accepts.noticed();
  return true;
}

/** Accepts all that there are, with so many clients; gives how many. */
function acceptAll(clients = 0): number {
  let count = 0;
  while (accepts.hasMore) {
    const fd = accepts.accept(peer, clients);
    if (fd < 0) continue;
    opened.push(fd);
    count++;
  }
  return count;
}

/** Runs a program that accepts as one of few descriptors, in a process of its own: the limit is the whole process's. */
function runLimited(program: string) {
  const script = `
    import { closeSync, openSync } from "node:fs";
    import { firstReserved } from "../../src/net/descriptors.ts";
    import { OwnAccepts } from "../../src/roles/own-accepts.ts";
    import { Refusal } from "../../src/roles/refusal.ts";
    import { allocateServerMemory, controlOf, dispatcherCounters } from "../../src/roles/server-memory.ts";
    import { Poller } from "../../src/net/poller.ts";
    import { RetryList } from "../../src/roles/retry-list.ts";
    import { Waker } from "../../src/net/waker.ts";
    import { connectTcp, openLoopback, receiveText, sendText } from "../net/raw-client.ts";
    const memory = allocateServerMemory(1, 1, null);
    const control = controlOf(memory);
    const listener = openLoopback();
    const poller = new Poller();
    const settings = { listenerFd: listener.fd, acceptorWakerFd: Waker.create().fd };
    const counters = dispatcherCounters(memory, 0);
    const accepts = OwnAccepts.of(settings, 0, control, poller, counters, new RetryList());
    const peer = new Int32Array(5);
    const connect = () => {
      const fd = connectTcp(listener.port);
      sendText(fd, "x");
      poller.wait(2000);
      accepts.noticed();
      return fd;
    };
    ${program}
    process.exit(0);`;
  return Bun.spawn(["sh", "-c", `ulimit -n 72; exec ${process.execPath} -e '${script}'`], {
    cwd: import.meta.dir,
    stdout: "pipe",
    stderr: "pipe",
  });
}

const isAcceptorWoken = (): boolean => {
  const own = new Poller();
  own.requireReadable(waker.fd, 0);
  const count = own.wait(0);
  own.close();
  return count > 0;
};

test("it accepts when it is its duty, and only then", () => {
  connect();
  accepts.look();
  expect([accepts.hasMore, isNoticed(20)]).toEqual([false, false]);
  control.letDispatchersAccept(true);
  accepts.look();
  // What came before is told of as well.
  expect([isNoticed(), acceptAll()]).toEqual([true, 1]);
  expect(formatPeer(peer, 0)?.address).toBe("127.0.0.1");
  connect();
  connect();
  expect([isNoticed(), acceptAll(), counters[DispatcherCounter.clientsAccepted]]).toEqual([true, 2, 3]);
  control.letDispatchersAccept(false);
  accepts.look();
  connect();
  expect(isNoticed(20)).toBe(false);
});

test("it accepts no more once the server stops", () => {
  control.letDispatchersAccept(true);
  accepts.look();
  control.serverState = SERVER_DRAINING;
  accepts.look();
  connect();
  expect(isNoticed(20)).toBe(false);
});

test("an event that comes too late is none", () => {
  accepts.noticed();
  expect(accepts.hasMore).toBe(false);
});

test("with many more clients than another dispatcher it leaves connections to others", () => {
  control.letDispatchersAccept(true);
  accepts.look();
  connect();
  control.setClients(1, 100);
  expect([isNoticed(), acceptAll(265)]).toEqual([true, 0]);
  connect();
  expect([isNoticed(), acceptAll(264)]).toEqual([true, 2]);
});

test("a listener that fails is the acceptor's again", () => {
  control.letDispatchersAccept(true);
  accepts.look();
  connect();
  expect(isNoticed()).toBe(true);
  listener.shutdown();
  expect([acceptAll(), control.doDispatchersAccept, isAcceptorWoken()]).toEqual([0, false, true]);
});

test("near the last descriptors it is the acceptor's again, and the connection is not lost", async () => {
  const limited = runLimited(`
    control.startAcceptor();
    control.letDispatchersAccept(true);
    accepts.look();
    connect();
    console.log(accepts.accept(peer, 0) >= 0, control.doDispatchersAccept, accepts.hasMore);`);
  expect(await limited.stdout.text()).toBe("true false false\n");
  expect(firstReserved()).toBeGreaterThan(64);
});

test("limits, other processes and names keep it the acceptor's", () => {
  const without = allocateServerMemory(1, 1, null);
  expect(ownAccepts(listener, without, 7)).toEqual({ listenerFd: listener.fd, acceptorWakerFd: 7 });
  expect(ownAccepts(listener, allocateServerMemory(1, 1, allocateAdmission(5, 5)), 7)).toBeNull();
  const abstract = openListener({
    unix: `\0epollo-own-${process.pid}`,
    port: 0,
    reusePort: false,
    ipv6Only: false,
  });
  expect(ownAccepts(abstract, without, 7)).toBeNull();
  abstract.close();
  expect(ownAccepts({ ...listener, kind: "tcp", isShared: true } as Listener, without, 7)).toBeNull();
});

describe("before the acceptor has begun nobody can take the duty", () => {
  beforeEach(() => {
    control = controlOf(allocateServerMemory(2, 1, null));
    const settings = { listenerFd: listener.fd, acceptorWakerFd: waker.fd };
    accepts = OwnAccepts.of(settings, 0, control, poller, counters, retries)!;
    control.letDispatchersAccept(true);
    accepts.look();
  });

  test("after a failure it tries again, after a pause", async () => {
    connect();
    expect(isNoticed()).toBe(true);
    const { shutdown } = listener;
    shutdown.call(listener);
    expect([acceptAll(), control.doDispatchersAccept, isAcceptorWoken()]).toEqual([0, true, false]);
    retries.retry();
    expect([accepts.hasMore, retries.hasSome]).toEqual([false, true]);
    await Bun.sleep(15);
    retries.retry();
    expect([accepts.hasMore, retries.hasSome]).toEqual([true, false]);
    control.letDispatchersAccept(false);
    accepts.look();
  });

  test("it leaves no connection to others", () => {
    connect();
    control.setClients(1, 0);
    expect([isNoticed(), acceptAll(500)]).toEqual([true, 1]);
  });

  test("connections that would take the last descriptors are turned away, and come in again when there are some", async () => {
    const limited = runLimited(`
      control.letDispatchersAccept(true);
      accepts.look();
      const client = connect();
      const filling = [];
      do filling.push(openSync("/dev/null")); while (filling.at(-1) < firstReserved() - 1);
      console.log(accepts.accept(peer, 0), receiveText(client).slice(0, 12), control.doDispatchersAccept);
      for (const fd of filling) closeSync(fd);
      connect();
      console.log(accepts.accept(peer, 0) >= 0, control.doDispatchersAccept);`);
    expect(await limited.stdout.text()).toBe("-1 HTTP/1.1 503 true\ntrue true\n");
    expect(await limited.stderr.text()).toContain("descriptors run out: new clients are turned away");
  });
});
