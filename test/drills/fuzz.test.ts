/** A few seconds of the fuzz drill; its ten minutes are `bun run drill fuzz`. */
import { afterAll, expect, test } from "bun:test";
import { growth, trace } from "../../bench/support/drill-trend.ts";
import { fuzzOnce } from "../../bench/support/fuzz-client.ts";
import { exchange } from "../support/exchange.ts";
import { mutate } from "../support/mutate.ts";
import { eventually, fdCount } from "../support/process-info.ts";
import { randomFrom } from "../support/random.ts";
import { startInChild, stopAll } from "../support/servers.ts";

afterAll(stopAll);

test("3,000 hostile connections leave nothing behind, and the server answers", async () => {
  const seed = Date.now() % 1_000_000;
  const random = randomFrom(seed);
  const server = await startInChild("pool", { development: false, threads: { min: 2, max: 2 } });
  const counts = { connections: 0, bytesSent: 0, bytesReceived: 0 };
  const attack = (count: number) =>
    Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let i = 0; i < count / 20; i++) await fuzzOnce(server.port, random, counts);
      }),
    );
  const quiet = (): Promise<unknown> =>
    eventually(
      `nothing to be open (seed ${seed})`,
      async () => {
        const { connections, inFlight, backlog, blocks } = (await server.stats())!;
        return [connections, inFlight, backlog, blocks];
      },
      (levels) => levels.every((level) => level === 0),
      20_000,
    );
  await attack(200);
  await quiet();
  const fds = fdCount(server.pid);
  await attack(3000);
  expect((await exchange(server.port, "/id?id=after")).text).toBe("after");
  await quiet();
  await eventually(
    "descriptors to be closed",
    () => fdCount(server.pid),
    (count) => count <= fds,
  );
  expect(counts.connections).toBe(3200);
}, 60_000);

test("mutate gives the same for the same seed, and seldom what it was given", () => {
  const bytes = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const first = Array.from({ length: 100 }, (_, seed) => mutate(bytes, randomFrom(seed)).toString("latin1"));
  const again = Array.from({ length: 100 }, (_, seed) => mutate(bytes, randomFrom(seed)).toString("latin1"));
  expect(again).toEqual(first);
  expect(first.filter((text) => text === bytes.toString("latin1")).length).toBeLessThan(10);
});

test("growth is the slope of the second half, in bytes a minute", () => {
  const line = Array.from({ length: 100 }, (_, second) => ({
    seconds: second,
    bytes: second < 50 ? 1_048_576 * second : 1_048_576 * 50 + 1000 * (second - 50),
  }));
  expect(growth(line)).toBeCloseTo(60_000, 5);
  expect(growth(line.slice(0, 2))).toBe(0);
  expect(trace(line)).toBe("0 10 20 30 40 50 50 50 50 50");
});
