/**
 * Promise 4: clients that do not read what they asked for, that pipeline without end, that send heads, chunks and trailers of
 * every wrong shape: the right status for each, bounded memory, others served meanwhile. Single shapes of requests are
 * in test/conformance; here they come by the hundred.
 */
import { eventually, socketCount } from "../../test/support/process-info.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { sampleProcess, startForDrill } from "../support/drill-server.ts";
import { besideProbes, checkGone, connectMany, grownMiB, type HostileClient } from "../support/hostile.ts";

const CLIENTS = 100;
const HOLD_MS = 2000;
const GET = "GET /hello HTTP/1.1\r\nHost: a\r\n";
const POST = "POST /length HTTP/1.1\r\nHost: a\r\n";
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

const SHAPES: readonly [name: string, bytes: string, status: number][] = [
  ["head without end", `${GET}X: ${"x".repeat(20_000)}`, 431],
  ["300 fields", `${GET}${"X: y\r\n".repeat(300)}\r\n`, 431],
  ["target without end", `GET /${"x".repeat(20_000)}`, 414],
  ["chunk extensions without end", `${CHUNKED}1;${"x".repeat(40_000)}`, 413],
  ["chunks of extensions", `${CHUNKED}${`1;${"x".repeat(2000)}\r\ny\r\n`.repeat(40)}`, 413],
  ["trailers without end", `${CHUNKED}0\r\n${"A: b\r\n".repeat(4000)}`, 431],
  [
    "length and coding",
    `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET}\r\n`,
    400,
  ],
  ["two lengths", `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`, 400],
  ["bare LF", "GET /hello HTTP/1.1\nHost: a\n\n", 400],
  ["a hello of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  ["invalid UTF-8 in a target", "GET /hello?\xff\xfe\xc3\x28 HTTP/1.1\r\nHost: a\r\n\r\n", 200],
  ["invalid UTF-8 in a field", `${GET}X: \xff\xfe\xc3\x28\r\nCookie: \xff=\xfe\r\n\r\n`, 200],
  ["invalid UTF-8 in a body", `${POST}Content-Length: 4\r\n\r\n\xff\xfe\xc3\x28`, 200],
];

/** Each attack in turn, others asking meanwhile. */
export const drill: Drill = {
  description:
    "clients that do not read, pipeline without end, or send wrong shapes by the hundred: bounded memory, right status",
  promise: 4,
  boundSeconds: 60,
  isShort: true,
  runsOnBun: true,
  run: async (run) => {
    const server = await startForDrill(run, {
      entry: "hostile-entry.ts",
      idleTimeout: 30,
      threads: { dispatchers: 1, min: 2, max: 2 },
    });
    const { port, pid } = server;
    await besideProbes(run, port, "warm-up", () => shapes(run, port, false));
    const before = sampleProcess(pid);
    const sockets = socketCount(pid);
    await besideProbes(run, port, "wrong shapes", () => shapes(run, port, true));
    await besideProbes(run, port, "slow readers", () => unread(run, port, pid));
    await besideProbes(run, port, "pipelining", () => pipelined(run, port, pid));
    await besideProbes(run, port, "long heads", () => longHeads(run, port, pid));
    run.figure("all: MiB grown", grownMiB(pid, before));
    await checkGone(run, "all", pid, sockets);
    const stats = await eventually(
      "requests to be over",
      () => server.stats(),
      (reading) => reading === null || reading.inFlight === 0,
    );
    if (stats !== null) run.check("all: in flight", stats.inFlight, "0", stats.inFlight === 0);
  },
};

function end(clients: readonly HostileClient[]): void {
  for (const client of clients) client.reset();
}

async function shapes(run: DrillRun, port: number, isChecked: boolean): Promise<void> {
  for (const [name, bytes, status] of SHAPES) {
    const clients = await connectMany(run, port, isChecked ? CLIENTS : 5);
    for (const client of clients) client.send(bytes);
    await eventually(
      "answers",
      () => clients.filter((client) => client.status === 0 && !client.isOver).length,
      (count) => count === 0,
    ).catch(() => {});
    const statuses = [...new Set(clients.map((client) => client.status || "none"))].join(", ");
    if (isChecked) run.check(name, statuses, String(status), statuses === String(status));
    end(clients);
  }
}

/** Answers without end to clients that read none of it: a stream, and a static route. */
async function unread(run: DrillRun, port: number, pid: number): Promise<void> {
  const before = sampleProcess(pid);
  const clients = await connectMany(run, port, 2 * CLIENTS, false);
  clients.forEach((client, index) => {
    client.send(`GET /${index % 2 === 0 ? "large" : "fixed"} HTTP/1.1\r\nHost: a\r\n\r\n`);
  });
  await Bun.sleep(HOLD_MS);
  const kib = (grownMiB(pid, before) * 1024) / clients.length;
  run.check("slow readers: KiB for each", kib, "at most 600", kib <= 600);
  end(clients);
}

/** Requests without end from clients that read no answers. */
async function pipelined(run: DrillRun, port: number, pid: number): Promise<void> {
  const before = sampleProcess(pid);
  const clients = await connectMany(run, port, CLIENTS, false);
  const requests = Buffer.from("GET /page HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5000), "latin1");
  for (const client of clients) client.send(requests);
  await Bun.sleep(HOLD_MS);
  const kib = (grownMiB(pid, before) * 1024) / clients.length;
  run.check("pipelining: KiB for each", kib, "at most 1800", kib <= 1800);
  end(clients);
}

/** Heads that are as long as they may be and have no end. */
async function longHeads(run: DrillRun, port: number, pid: number): Promise<void> {
  const clients = await connectMany(run, port, 5 * CLIENTS);
  const before = sampleProcess(pid);
  for (const client of clients) client.send(`${GET}X: ${"x".repeat(16_000)}`);
  await Bun.sleep(HOLD_MS);
  const open = clients.filter(({ isOver }) => !isOver).length;
  const kib = (grownMiB(pid, before) * 1024) / clients.length;
  run.figure("long heads: connections open", open);
  run.check("long heads: KiB for each", kib, "at most 64", kib <= 64);
  end(clients);
}
