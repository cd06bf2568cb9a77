/** Leaving a port that others listen on: who they are, and where new connections go. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { close } from "../../ffi/calls.ts";
import {
  ACCEPT_WAIT,
  acceptClient,
  allocateAcceptBuffer,
  classifyAcceptFailure,
} from "../../src/net/accept.ts";
import { type Listener, openListener } from "../../src/net/listener.ts";
import { ListenerGroup } from "../../src/net/listener-group.ts";
import { RawClient } from "../support/raw-client.ts";

let older: Listener;
let newer: Listener;
let group: ListenerGroup;
const clients: RawClient[] = [];

const open = (port: number, reusePort = true): Listener =>
  openListener({ hostname: "127.0.0.1", port, reusePort, ipv6Only: false });

beforeEach(() => {
  older = open(0);
  newer = open(older.port);
  group = new ListenerGroup(older.fd);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.reset();
  older.close();
  newer.close();
});

/** Connects so many clients, and counts those that a listener has got. */
async function connect(count: number): Promise<void> {
  for (let i = 0; i < count; i++) clients.push(await RawClient.connect(older.port));
}

function accepted(listener: Listener): number {
  const buffer = allocateAcceptBuffer();
  for (let count = 0; ; count++) {
    const fd = acceptClient(listener.fd, buffer);
    if (fd >= 0) close(fd);
    else {
      expect(classifyAcceptFailure(fd)).toBe(ACCEPT_WAIT);
      return count;
    }
  }
}

test("others are seen as long as they listen, on the same address and port only", () => {
  expect(group.hasOthers()).toBe(true);
  expect(new ListenerGroup(newer.fd).hasOthers()).toBe(true);
  newer.close();
  expect(group.hasOthers()).toBe(false);
  const elsewhere = openListener({
    hostname: "127.0.0.2",
    port: older.port,
    reusePort: true,
    ipv6Only: false,
  });
  expect(group.hasOthers()).toBe(false);
  elsewhere.close();
});

test("others are seen on IPv6 too", () => {
  const first = openListener({ hostname: "::1", port: 0, reusePort: true, ipv6Only: false });
  const ofFirst = new ListenerGroup(first.fd);
  expect(ofFirst.hasOthers()).toBe(false);
  const second = openListener({ hostname: "::1", port: first.port, reusePort: true, ipv6Only: false });
  expect(ofFirst.hasOthers()).toBe(true);
  second.close();
  first.close();
});

test("a descriptor that is no listening socket has no others", () => {
  expect(new ListenerGroup(-1).hasOthers()).toBe(false);
});

test("new connections go where they are steered, and by the hash afterwards", async () => {
  group.acceptEarly();
  new ListenerGroup(newer.fd).acceptEarly();
  expect(group.steerTo(1)).toBe(true);
  await connect(20);
  expect([accepted(older), accepted(newer)]).toEqual([0, 20]);
  expect(group.steerTo(0)).toBe(true);
  await connect(20);
  expect([accepted(older), accepted(newer)]).toEqual([20, 0]);
  group.steerByHash();
  await connect(60);
  const both = [accepted(older), accepted(newer)];
  expect([both[0]! + both[1]!, both[0]! > 0, both[1]! > 0]).toEqual([60, true, true]);
});

test("connections that are refused are made with another listener, a second later", async () => {
  group.acceptEarly();
  // It takes a privilege that tests may not have.
  if (!group.refuseNew()) return;
  new ListenerGroup(newer.fd).acceptEarly();
  group.steerTo(0);
  let isConnected = false;
  const connecting = connect(1).then(() => {
    isConnected = true;
  });
  await Bun.sleep(100);
  expect([isConnected, accepted(older), accepted(newer)]).toEqual([false, 0, 0]);
  group.steerByHash();
  older.close();
  await connecting;
  expect(accepted(newer)).toBe(1);
});

test("whether the kernel migrates connections is what the machine says", async () => {
  const setting = await Bun.file("/proc/sys/net/ipv4/tcp_migrate_req")
    .text()
    .catch(() => "0");
  expect(group.doesKernelMigrate()).toBe(setting.trim() === "1");
});
