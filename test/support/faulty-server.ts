/**
 * A server in a child process whose system calls can be made to fail (./faults.ts), a load that takes no wrong answer and no
 * silence, and what it means that the server is as it was before.
 */
import { expect } from "bun:test";
import { exchange, requestBytes } from "./exchange.ts";
import { Faults } from "./faults.ts";
import { eventually, fdCount, settledDescriptors } from "./process-info.ts";
import { RawClient } from "./raw-client.ts";
import { type Mode, type RunningServer, type StartOptions, startInChild, stopAll } from "./servers.ts";

/** Connections that `load` makes at once. */
export const CLIENTS = 24;
/** Requests of each. */
export const REQUESTS = 4;
const all: Faults[] = [];

/** Makes rules that `endFaults` removes. */
export function makeFaults(): Faults {
  const faults = Faults.create();
  all.push(faults);
  return faults;
}

/** Removes all rules, and stops all servers: for `afterEach`. */
export async function endFaults(): Promise<void> {
  for (const faults of all.splice(0)) {
    faults.stop();
    faults.remove();
  }
  await stopAll();
}

/** Starts the app in a child process that obeys rules, none of which is on yet. */
export async function startFaulty(
  mode: Mode,
  options: StartOptions = {},
): Promise<{ server: RunningServer; faults: Faults }> {
  const faults = makeFaults();
  const server = await startInChild(mode, {
    ...options,
    environment: { ...options.environment, ...faults.environment },
    development: false,
    // As many as there will be: each has descriptors of its own.
    threads: { min: 2, max: 2 },
  });
  await exchange(server.port, "/hello");
  return { server, faults };
}

/** What became of the requests: how many were answered right, and how many ended with the connection. */
export interface Outcome {
  answered: number;
  ended: number;
}

/** What a load asks for, and the right answer. */
export interface Target {
  target: string;
  body?: string;
  text: string;
}

const TARGETS: readonly Target[] = [
  { target: "/hello", text: "hello" },
  { target: "/body", body: "b".repeat(50_000), text: "b".repeat(50_000) },
  { target: "/text/300000", text: "t".repeat(300_000) },
  { target: "/slow?ms=2&id=7", text: "7" },
];

/** Requests on connections of their own, all at once, for `targets` in turn. Throws on a wrong answer and on none. */
export async function load(server: RunningServer, targets: readonly Target[] = TARGETS): Promise<Outcome> {
  const outcome = { answered: 0, ended: 0 };
  const run = async (index: number): Promise<void> => {
    await using client = await RawClient.connect(server.port, 20_000);
    for (let request = 0; request < REQUESTS; request++) {
      const { target, text, ...parts } = targets[(index + request) % targets.length]!;
      const sending = client.send(
        requestBytes(target, parts.body === undefined ? {} : { method: "POST", ...parts }),
      );
      const response = await client.readResponse().catch((error: Error) => {
        // The whole of an answer, or the end of the connection: no silence, and nothing that is not HTTP.
        if (!error.message.startsWith("connection ended")) throw error;
        return null;
      });
      await sending;
      if (response === null) {
        outcome.ended++;
        return;
      }
      expect([response.status, response.text]).toEqual([200, text]);
      outcome.answered++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => run(index)));
  return outcome;
}

/** The server is as it was: it answers, holds no more descriptors, has nothing in flight and sleeps. */
export async function expectAsBefore(server: RunningServer, fdsBefore: number): Promise<void> {
  expect(await load(server)).toEqual({ answered: CLIENTS * REQUESTS, ended: 0 });
  await eventually(
    "descriptors to be closed",
    () => fdCount(server.pid),
    (count) => count <= fdsBefore,
  );
  await eventually(
    "nothing to be open",
    async () => {
      const { inFlight, connections, backlog } = (await server.stats())!;
      return inFlight + connections + backlog;
    },
    (count) => count === 0,
  );
}

/** How many descriptors the server's process has once their number is still. */
export function settledFds(server: RunningServer): Promise<number> {
  return settledDescriptors(server.pid);
}
