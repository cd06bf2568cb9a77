/** What a service manager says by environment variables, and what it is told. Real processes: test/server/activation.test.ts. */
import { expect, test } from "bun:test";
import { handedSocketFor, handedSockets, ServiceManager } from "../../src/serve/systemd.ts";

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

function manager(path: string | undefined): { told: string[]; manager: ServiceManager } {
  const told: string[] = [];
  return {
    told,
    manager: new ServiceManager(path, (to, message) => {
      told.push(`${to} ${message}`);
      return -2;
    }),
  };
}

test("ready when all servers are, stopping with the last; each said once", () => {
  const { told, manager: service } = manager("/run/notify");
  service.starts();
  service.starts();
  service.ready();
  expect(told).toEqual([]);
  service.ready();
  expect(told).toEqual(["/run/notify READY=1"]);
  service.stopping(true);
  service.starts();
  service.ready();
  service.stopping(true);
  expect(told.length).toBe(1);
  service.stopping(true);
  expect(told).toEqual(["/run/notify READY=1", "/run/notify STOPPING=1"]);
});

test("a server that stops before it was ready is not waited for", () => {
  const { told, manager: service } = manager("/run/notify");
  service.starts();
  service.starts();
  service.stopping(false);
  service.ready();
  expect(told).toEqual(["/run/notify READY=1"]);
});

test("without NOTIFY_SOCKET nothing is said", () => {
  for (const path of [undefined, ""]) {
    const { told, manager: service } = manager(path);
    service.starts();
    service.ready();
    service.stopping(true);
    expect(told).toEqual([]);
  }
});
