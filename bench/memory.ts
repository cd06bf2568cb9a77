/**
 * What idle keep-alive connections cost: resident memory for each, and the latency of a trivial request beside them.
 *
 *   bun run bench/memory.ts [--connections 10000] [--peer bun-serve,epollo-pool] [--json file]
 *
 * Theory of operation: one server at a time. After a warm-up, wrk measures a trivial request on one connection
 * (latency as a client alone sees it). A process of its own (./support/holder.ts) opens the connections, from several
 * source addresses of 127.0.0.0/8, sends one request on each and keeps them all. Then the same measurement again.
 * Memory is the difference of the server's RSS before and after, by connections; sockets in the kernel are not in it.
 * Both are read once RSS has been still for 2 s: after load a heap goes on shrinking for seconds, and a difference
 * taken meanwhile came out negative.
 */
import { type Peer, startPeers } from "./support/peers.ts";
import { residentBytes } from "./support/process-usage.ts";
import { argument, digits, machine, median, printTable } from "./support/report.ts";
import { hasWrk, runLoad } from "./support/wrk.ts";

interface Result {
  readonly peer: string;
  readonly held: number;
  readonly bytesPerConnection: number;
  readonly p50BeforeUs: number;
  readonly p50DuringUs: number;
  readonly p99BeforeUs: number;
  readonly p99DuringUs: number;
  readonly heldToTheEnd: number;
}

async function measureLatency(port: number): Promise<{ p50Us: number; p99Us: number }> {
  const runs = [];
  for (let run = 0; run < 3; run++) runs.push(await runLoad(port, { path: "/", connections: 1, seconds: 1 }));
  return { p50Us: median(runs.map((run) => run.p50Us)), p99Us: median(runs.map((run) => run.p99Us)) };
}

/** Waits until RSS has changed by less than 64 KiB for 2 s (30 s at most), and returns it. */
async function settledResidentBytes(pid: number): Promise<number> {
  let last = residentBytes(pid);
  let stillFor = 0;
  for (let quarter = 0; quarter < 120 && stillFor < 8; quarter++) {
    await Bun.sleep(250);
    const now = residentBytes(pid);
    stillFor = Math.abs(now - last) < 65_536 ? stillFor + 1 : 0;
    last = now;
  }
  return last;
}

async function measure(peer: Peer, connections: number): Promise<Result> {
  await runLoad(peer.port, { path: "/", connections: 64, seconds: 2 });
  const before = await measureLatency(peer.port);
  const residentBefore = await settledResidentBytes(peer.pid);
  const holder = Bun.spawn(
    [
      process.execPath,
      "run",
      new URL("./support/holder.ts", import.meta.url).pathname,
      String(peer.port),
      String(connections),
    ],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  const lines = holder.stdout.getReader();
  const held = await readCount(lines);
  const residentDuring = await settledResidentBytes(peer.pid);
  const during = await measureLatency(peer.port);
  holder.stdin.end();
  const heldToTheEnd = await readCount(lines);
  await holder.exited;
  return {
    peer: peer.name,
    held,
    bytesPerConnection: (residentDuring - residentBefore) / held,
    p50BeforeUs: before.p50Us,
    p50DuringUs: during.p50Us,
    p99BeforeUs: before.p99Us,
    p99DuringUs: during.p99Us,
    heldToTheEnd,
  };
}

async function readCount(lines: { read(): Promise<{ value?: Uint8Array | undefined }> }): Promise<number> {
  const { value } = await lines.read();
  return Number(new TextDecoder().decode(value));
}

if (!hasWrk()) {
  console.error("bench/memory.ts needs wrk (apt-get install wrk)");
  process.exit(1);
}
const connections = Number(argument("connections") ?? 10_000);
const results: Result[] = [];
for (const name of argument("peer")?.split(",") ?? ["bun-serve", "epollo-pool", "epollo-main"]) {
  const [peer] = await startPeers([name], {});
  if (peer === undefined) continue;
  try {
    results.push(await measure(peer, connections));
  } finally {
    await peer.stop();
  }
}
printTable(
  [
    "server",
    "held",
    "to the end",
    "bytes each",
    "p50 us before",
    "with them",
    "ratio",
    "p99 us before",
    "with them",
  ],
  results.map((result) => [
    result.peer,
    String(result.held),
    String(result.heldToTheEnd),
    digits(result.bytesPerConnection),
    digits(result.p50BeforeUs),
    digits(result.p50DuringUs),
    digits(result.p50DuringUs / result.p50BeforeUs, 2),
    digits(result.p99BeforeUs),
    digits(result.p99DuringUs),
  ]),
);
const path = argument("json");
if (path !== undefined) await Bun.write(path, JSON.stringify({ machine: machine(), results }, null, 2));
