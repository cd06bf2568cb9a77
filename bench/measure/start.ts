/**
 * How long a server takes from the start of its process to its first answer, and how it answers a burst while it idles.
 *
 * The client is this process. For the start it knows the port beforehand and knocks every millisecond. For the burst it
 * opens all connections, lets the server rest, then sends a request on each at once: with `min: 0` epollo has no handler
 * thread by then. `maxUs` is when the last one had its answer.
 */
import type { Socket } from "bun";
import { endPeer, spawnPeer, startPeer } from "../support/peers.ts";
import type { MeasureStarting } from "./context.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
const KNOCK_MS = 1;
const START_LIMIT_MS = 10_000;
const REST_MS = 500;

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const port = listener.port;
  listener.stop(true);
  return port;
}

/** Sends a request on a connection of its own; resolves to whether it was answered. */
function knock(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => void socket.write(REQUEST),
        data: (socket) => {
          resolve(true);
          socket.end();
        },
        close: () => resolve(false),
        connectError: () => resolve(false),
      },
    }).catch(() => resolve(false));
  });
}

/** Measures a scenario of the kind "start". */
export const measureStart: MeasureStarting = async (run, _scenario, kind) => {
  const port = freePort();
  const began = performance.now();
  const child = spawnPeer(kind, { ...run.environment, BENCH_PORT: String(port) }, run.serverCpus);
  try {
    while (!(await knock(port))) {
      if (child.exitCode !== null || performance.now() - began > START_LIMIT_MS)
        throw new Error(`${kind.name} did not answer on port ${port}`);
      await Bun.sleep(KNOCK_MS);
    }
    return { startMs: performance.now() - began, errors: 0 };
  } finally {
    await endPeer(child);
  }
};

/** Measures a scenario of the kind "burst". */
export const measureBurst: MeasureStarting = async (run, scenario, kind) => {
  const peer = await startPeer(kind, { ...run.environment, BENCH_MIN: "0" }, run.serverCpus);
  if (peer === null) throw new Error(`${kind.name} did not start`);
  const latenciesUs: number[] = [];
  let errors = 0;
  let began = 0;
  const sockets: Socket[] = [];
  const answers: Promise<void>[] = [];
  try {
    for (let index = 0; index < scenario.load.connections; index++) {
      let finish = (): void => {};
      answers.push(
        new Promise((resolve) => {
          finish = resolve;
        }),
      );
      let isAnswered = false;
      sockets.push(
        await Bun.connect({
          hostname: "127.0.0.1",
          port: peer.port,
          socket: {
            data: (_socket, bytes) => {
              if (isAnswered) return;
              isAnswered = true;
              latenciesUs.push((performance.now() - began) * 1000);
              if (bytes.toString("latin1", 9, 12) !== "200") errors++;
              finish();
            },
            close: () => {
              if (!isAnswered) errors++;
              finish();
            },
          },
        }),
      );
    }
    await Bun.sleep(REST_MS);
    began = performance.now();
    for (const socket of sockets) socket.write(REQUEST);
    await Promise.all(answers);
  } finally {
    for (const socket of sockets) socket.end();
    await peer.stop();
  }
  latenciesUs.sort((left, right) => left - right);
  return {
    firstAnswerUs: latenciesUs[0] ?? Number.NaN,
    p50Us: latenciesUs[latenciesUs.length >> 1] ?? Number.NaN,
    maxUs: latenciesUs.at(-1) ?? Number.NaN,
    errors,
  };
};
