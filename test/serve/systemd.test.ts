/** What a service manager says by environment variables, and what it is told. Real processes: test/server/activation.test.ts. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRNO } from "../../ffi/errno.ts";
import { Log, type LogRecord } from "../../src/log/log.ts";
import { notifyManager } from "../../src/net/notify.ts";
import { handedSocketFor, handedSockets, ServiceManager } from "../../src/serve/systemd.ts";
import { DatagramReceiver } from "../support/datagram-receiver.ts";
import { eventually } from "../support/process-info.ts";

test("sockets are those of LISTEN_FDS, if LISTEN_PID is this process", () => {
  const variables = { LISTEN_PID: "77", LISTEN_FDS: "2", LISTEN_FDNAMES: "web:admin" };
  expect(handedSockets(variables, 77)).toEqual([
    { fd: 3, name: "web" },
    { fd: 4, name: "admin" },
  ]);
  expect(handedSockets({ LISTEN_PID: "77", LISTEN_FDS: "1" }, 77)).toEqual([{ fd: 3, name: "unknown" }]);
  const none = [
    {},
    { ...variables, LISTEN_PID: "78" },
    { ...variables, LISTEN_PID: undefined },
    { ...variables, LISTEN_FDS: "0" },
    { ...variables, LISTEN_FDS: "-1" },
    { ...variables, LISTEN_FDS: "x" },
  ];
  for (const given of none) expect(handedSockets(given, 77)).toEqual([]);
});

const BOUND = [
  { address: "127.0.0.1", family: "IPv4", port: 80 },
  { address: "::", family: "IPv6", port: 8080 },
  "/run/web.sock",
  "\0web",
  -9,
] as const;
const handed = BOUND.map((_, index) => ({ fd: index + 3 }));
const find = (wanted: { port?: number; hostname?: string; unix?: string }): number =>
  handedSocketFor(
    { port: wanted.port ?? 3000, hostname: wanted.hostname, unix: wanted.unix },
    handed,
    (fd) => BOUND[fd - 3]!,
  );

test("the one is taken that is bound to where the options want to listen", () => {
  expect([
    find({ port: 80 }),
    find({ port: 80, hostname: "127.0.0.1" }),
    find({ port: 80, hostname: "localhost" }),
    find({ port: 8080 }),
    find({ port: 8080, hostname: "::" }),
    find({ unix: "/run/web.sock" }),
    find({ unix: "\0web" }),
  ]).toEqual([3, 3, 3, 4, 4, 5, 6]);
});

test("none where that is elsewhere", () => {
  expect([
    find({}),
    find({ port: 80, hostname: "0.0.0.0" }),
    find({ port: 8080, hostname: "localhost" }),
    find({ unix: "/run/other.sock" }),
  ]).toEqual([-1, -1, -1, -1]);
});

const records: LogRecord[] = [];
const log = new Log("main", (record) => void records.push(record));

/** @param results of the tries to tell something, 0 after those */
function manager(
  path: string | undefined,
  results: number[] = [],
): { told: string[]; manager: ServiceManager } {
  const told: string[] = [];
  records.length = 0;
  return {
    told,
    manager: new ServiceManager(path, (to, message) => {
      told.push(`${to} ${message}`);
      return results.shift() ?? 0;
    }),
  };
}

test("ready when all servers are, stopping with the last; each said once", () => {
  const { told, manager: service } = manager("/run/notify");
  service.starts();
  service.starts();
  service.ready(log);
  expect(told).toEqual([]);
  service.ready(log);
  expect(told).toEqual(["/run/notify READY=1"]);
  service.stopping(true, log);
  service.starts();
  service.ready(log);
  service.stopping(true, log);
  expect(told.length).toBe(1);
  service.stopping(true, log);
  expect(told).toEqual(["/run/notify READY=1", "/run/notify STOPPING=1"]);
});

test("a server that stops before it was ready is not waited for", () => {
  const { told, manager: service } = manager("/run/notify");
  service.starts();
  service.starts();
  service.stopping(false, log);
  service.ready(log);
  expect(told).toEqual(["/run/notify READY=1"]);
});

test("without NOTIFY_SOCKET nothing is said", () => {
  for (const path of [undefined, ""]) {
    const { told, manager: service } = manager(path);
    service.starts();
    service.ready(log);
    service.stopping(true, log);
    expect(told).toEqual([]);
  }
});

test("what the manager has no room for is told again, and in its order", async () => {
  const { told, manager: service } = manager("/run/notify", [
    -ERRNO.EAGAIN,
    -ERRNO.ENOMEM,
    -ERRNO.ENOBUFS,
    -ERRNO.EMFILE,
  ]);
  service.starts();
  service.ready(log);
  service.stopping(true, log);
  expect(told.length).toBe(1);
  await eventually(
    "both to be told",
    () => told.length,
    (count) => count === 6,
  );
  expect(told).toEqual([...Array(5).fill("/run/notify READY=1"), "/run/notify STOPPING=1"]);
  expect(records).toEqual([]);
});

test("a manager whose queue is full hears of it when there is room", async () => {
  const folder = mkdtempSync(join(tmpdir(), "epollo-notify-"));
  const path = join(folder, "notify");
  using receiver = new DatagramReceiver(path);
  let before = 0;
  while (notifyManager(path, "of others") === 0) before++;
  expect(before).toBeGreaterThan(0);
  const service = new ServiceManager(path);
  service.starts();
  service.ready(log);
  const messages = await eventually(
    "it to be told",
    () => receiver.messages,
    (all) => all.length > before,
  );
  expect(messages.slice(before)).toEqual(["READY=1"]);
  rmSync(folder, { recursive: true });
});

test("one that cannot be told is logged, and not told again", async () => {
  const { told, manager: service } = manager("/run/notify", [-ERRNO.ECONNREFUSED]);
  service.starts();
  service.ready(log);
  await Bun.sleep(50);
  expect([told.length, records.length]).toEqual([1, 1]);
  expect(records[0]).toMatchObject({
    level: "warn",
    event: "notify-failed",
    message: "the service manager at /run/notify could not be told READY=1: ECONNREFUSED",
    state: "READY=1",
    errno: "ECONNREFUSED",
  });
});
