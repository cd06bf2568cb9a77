/**
 * The rule of placement, on whole servers: a slow call delays other clients of one dispatcher at most once, however the cost depends on
 * the query. A slow call here keeps its thread until another client of the same dispatcher has its answers, so whether that one was
 * delayed is counted, not timed. Not for Bun.serve, whose slow calls delay everybody.
 */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, serve } from "../../src/index.ts";
import { requestBytes } from "../support/exchange.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { isBunTarget } from "../support/target.ts";

const MODULE = new URL("../fixtures/gated-module.ts", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "epollo-rule-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly threadId: number;
  readonly isOpened: boolean;
}

let server: Server;
const clients: RawClient[] = [];
let caller: RawClient;
let other: RawClient;
/** The thread of the only dispatcher. */
let dispatcher: number;
let gates = 0;

beforeEach(async () => {
  const threads = { dispatchers: 1, min: 2, max: 4 };
  const observe = { metrics: "/_metrics" };
  const options = { port: 0, hostname: "127.0.0.1", idleTimeout: 60, handlers: MODULE, threads, observe };
  server = serve(options as never) as unknown as Server;
  caller = await connect();
  other = await connect();
  dispatcher = (await warm("/other")).threadId;
}, 30_000);
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.stop(true);
});

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(server.port!);
  clients.push(client);
  return client;
}

async function read(client: RawClient): Promise<Ran> {
  return JSON.parse((await client.readResponse()).text) as Ran;
}

async function ask(client: RawClient, target: string): Promise<Ran> {
  await client.send(requestBytes(target));
  return read(client);
}

/** Needs no handler: it is answered as soon as the dispatcher has time. */
async function askMetrics(client: RawClient): Promise<void> {
  await client.send(requestBytes("/_metrics"));
  await client.readResponse();
}

async function askOften(target: string, count: number): Promise<Ran | null> {
  let ran: Ran | null = null;
  for (let request = 0; request < count; request++) ran = await ask(caller, target);
  return ran;
}

/** Asks until the requests run inline, and the last of them has not put their kind back in the pool. */
async function warm(target: string): Promise<Ran> {
  let ran: Ran | null = null;
  await eventually(
    `${target} to run inline`,
    async () => {
      const before = server.stats();
      ran = await askOften(target, 10);
      // The last run is judged after its answer has left, and before this one.
      await askMetrics(caller);
      const after = server.stats();
      return [after.requestsInline - before.requestsInline, after.demotions - before.demotions];
    },
    ([inline, demotions]) => inline === 10 && demotions === 0,
    20_000,
  );
  return ran!;
}

const newGate = (): string => join(folder, `gate-${gates++}`);

/** Makes a slow call, and meanwhile the other client asks for `quick`: whether it was delayed, having waited for the slow call. */
async function isDelayedBy(slow: string, gate: string, quick: string): Promise<boolean> {
  await caller.send(requestBytes(slow));
  // By then the dispatcher has read it: the requests of both come from this thread, one after the other.
  await ask(other, "/other");
  await ask(other, quick);
  writeFileSync(gate, "");
  const ran = await read(caller);
  // Who waits for a handler thread has it to himself.
  if (ran.threadId !== dispatcher) expect(ran.isOpened).toBe(true);
  return ran.threadId === dispatcher;
}

describe.skipIf(isBunTarget).each(["/cost", "/routes/cost"])("%s", (path) => {
  test.each([
    [10, 12, 1],
    [40, 12, 2],
    [90, 8, 3],
  ])(
    "each slow call another, %i quick ones between %i of them: no more than %i delay others",
    async (quickOnes, rounds, most) => {
      await warm(path);
      const delays: boolean[] = [];
      for (let round = 0; round < rounds; round++) {
        const gate = newGate();
        delays.push(await isDelayedBy(`${path}?gate=${gate}`, gate, path));
        await askOften(path, quickOnes);
      }
      const count = delays.filter(Boolean).length;
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThanOrEqual(most);
    },
    30_000,
  );

  test("the same slow call again, whenever its kind is back: none but the first delays others", async () => {
    const delays: boolean[] = [];
    const gate = newGate();
    for (let round = 0; round < 5; round++) {
      rmSync(gate, { force: true });
      await warm(path);
      delays.push(await isDelayedBy(`${path}?gate=${gate}`, gate, path));
    }
    expect(delays).toEqual([true, false, false, false, false]);
    // It went back to the pool when it had been slow, and has come back since.
    const { promotions, demotions } = server.stats();
    expect(demotions).toBeGreaterThan(0);
    expect(promotions).toBeGreaterThan(demotions);
  }, 30_000);

  test("while all threads are taken and others wait for one: the second slow call waits too", async () => {
    await askOften(path, 20);
    await warm(path);
    const held = newGate();
    const holders = await Promise.all([1, 2, 3, 4, 5, 6].map(connect));
    for (const holder of holders) await holder.send(requestBytes(`/held/there?gate=${held}&ms=20000`));
    await eventually(
      "requests to wait",
      () => server.stats().backlog,
      (count) => count > 0,
    );
    const slow: RawClient[] = [];
    for (let round = 0; round < 3; round++) {
      const gate = newGate();
      const client = await connect();
      // The dispatcher must have this client: else it may answer the other one before it has read the slow call.
      await askMetrics(client);
      await client.send(requestBytes(`${path}?gate=${gate}`));
      await askMetrics(other);
      writeFileSync(gate, "");
      slow.push(client);
    }
    writeFileSync(held, "");
    const delays: boolean[] = [];
    for (const client of slow) delays.push((await read(client)).threadId === dispatcher);
    expect(delays).toEqual([true, false, false]);
  }, 30_000);
});
