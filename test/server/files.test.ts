/** Answers from files: all of them and parts, files that are missing or change, clients that leave in between. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, requestBytes } from "../support/exchange.ts";
import { eventually, fdCount, settledDescriptors } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-files-"));
/** Bytes that differ with their place, so that a part from the wrong offset is seen. */
const BIG = Buffer.alloc(3_000_000);
for (let at = 0; at + 4 <= BIG.length; at += 4) BIG.writeUInt32LE(at, at);
/** More than the kernel keeps for a connection. */
const HUGE_BYTES = 60_000_000;

beforeAll(() => {
  mkdirSync(join(folder, "pub"));
  writeFileSync(join(folder, "pub/big.bin"), BIG);
  writeFileSync(join(folder, "small.txt"), "a small file");
  writeFileSync(join(folder, "one.txt"), "one file");
  writeFileSync(join(folder, "empty.txt"), "");
  writeFileSync(join(folder, "big.bin"), BIG);
});
afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
});

/** Makes a file of zeros that takes no room on the disk. */
function makeHuge(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, "");
  truncateSync(path, HUGE_BYTES);
  return path;
}

describe.each(MODES)("%s", (mode) => {
  let server: RunningServer;
  const directoryFile = "/pub/big.bin";
  const routedFile = "/one-file";
  beforeAll(async () => {
    server = await startInChild(mode, {
      entry: "features-entry.ts",
      environment: { EPOLLO_TEST_FOLDER: folder },
      // One, so that no thread that comes or goes changes the number of descriptors.
      threads: { min: 1, max: 1 },
    });
    // What is opened once, such as the directory, is open now.
    for (const target of ["/file/small.txt", "/file/big.bin", routedFile, directoryFile]) await get(target);
    await settledDescriptors(server.pid);
  });
  const get = (target: string, fields: string[] = [], method = "GET") =>
    exchange(server.port, target, { method, fields });
  const settled = async (before: number): Promise<void> => {
    await eventually(
      "the descriptors to be closed",
      () => fdCount(server.pid),
      (count) => count <= before,
    );
    await eventually(
      "no pending request",
      () => server.pendingRequests(),
      (count) => count === 0,
    );
  };
  const idleFds = async (): Promise<number> => {
    await eventually(
      "no connection",
      async () => (await server.stats())?.connections ?? 0,
      (count) => count === 0,
    );
    return fdCount(server.pid);
  };

  test("a small one, an empty one and one of 3 MB arrive whole", async () => {
    const before = await idleFds();
    const small = await get("/file/small.txt");
    expect([small.status, small.text, small.headers["content-type"]]).toEqual([
      200,
      "a small file",
      "text/plain;charset=utf-8",
    ]);
    expect((await get("/file/empty.txt")).headers["content-length"]).toBe("0");
    for (const target of ["/file/big.bin", directoryFile]) {
      const big = await get(target);
      expect([big.framing, big.body.equals(BIG)]).toEqual(["length", true]);
    }
    await settled(before);
  });

  const RANGES: readonly [range: string, start: number, end: number][] = [
    ["bytes=100-199", 100, 200],
    ["bytes=1000000-2999999", 1_000_000, 3_000_000],
    ["bytes=2900000-", 2_900_000, 3_000_000],
    ["bytes=-77777", 2_922_223, 3_000_000],
  ];
  test.each(RANGES)("Range: %s", async (range, start, end) => {
    const part = await get("/file/big.bin", [`Range: ${range}`]);
    expect([part.status, part.headers["content-range"]]).toEqual([
      206,
      `bytes ${start}-${end - 1}/${BIG.length}`,
    ]);
    expect(part.body.equals(BIG.subarray(start, end))).toBe(true);
  });

  test("a range beyond the end is 416 with the length", async () => {
    const answer = await get("/file/big.bin", ["Range: bytes=3000000-"]);
    expect([answer.status, answer.headers["content-range"]]).toEqual([416, "bytes */3000000"]);
  });

  test.each([
    [0, 10],
    [500_000, 2_500_001],
    [2_999_990, 4_000_000],
  ])("a slice from %d to %d", async (start, end) => {
    const slice = await get(`/file/big.bin?start=${start}&end=${end}`);
    expect(slice.body.equals(BIG.subarray(start, end))).toBe(true);
  });

  test("HEAD has the length, opens nothing for long, and the connection goes on", async () => {
    const before = await idleFds();
    const client = await RawClient.connect(server.port);
    const heads = ["/file/big.bin", routedFile, directoryFile];
    for (const target of heads) await client.send(requestBytes(target, { method: "HEAD" }));
    const lengths: (string | undefined)[] = [];
    for (const _ of heads)
      lengths.push((await client.readResponse({ method: "HEAD" })).headers["content-length"]);
    expect(lengths).toEqual(["3000000", "8", "3000000"]);
    await client.send(requestBytes("/file/small.txt"));
    expect((await client.readResponse()).text).toBe("a small file");
    client.close();
    await settled(before);
  });

  test("a missing one goes to the error handler", async () => {
    const answer = await get("/file/none.txt");
    expect([answer.status, answer.text]).toEqual([599, "handled ENOENT"]);
  });

  test("many on one connection, behind one another, and each descriptor is closed", async () => {
    const before = await idleFds();
    const client = await RawClient.connect(server.port);
    const targets = ["/file/big.bin", "/file/small.txt", directoryFile, routedFile, "/file/big.bin"];
    await client.send(Buffer.concat(targets.map((target) => requestBytes(target))));
    const lengths: number[] = [];
    for (const _ of targets) lengths.push((await client.readResponse()).body.length);
    expect(lengths).toEqual([BIG.length, 12, BIG.length, 8, BIG.length]);
    client.close();
    await settled(before);
  });

  // Bun.serve fills up with zeros or waits.
  test.skipIf(isBunTarget)(
    "one that gets shorter on its way resets the connection, and no other",
    async () => {
      const before = await idleFds();
      const path = makeHuge(`shrinking-${mode}.bin`);
      const client = await RawClient.connect(server.port);
      await client.send(requestBytes(`/file/shrinking-${mode}.bin`));
      await client.readExactly(1000);
      client.pause();
      await Bun.sleep(100);
      truncateSync(path, 1000);
      client.resume();
      const rest = await client.readUntilClose();
      expect(client.ending).toBe("reset");
      expect(rest.length).toBeLessThan(HUGE_BYTES - 1000);
      expect((await get("/file/small.txt")).text).toBe("a small file");
      client.close();
      await settled(before);
    },
  );

  test("clients that leave in the middle leave no descriptor behind", async () => {
    const before = await idleFds();
    makeHuge("long.bin");
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(server.port)));
    await Promise.all(clients.map((client) => client.send(requestBytes("/file/long.bin"))));
    await Promise.all(
      clients.map(async (client) => {
        await client.readExactly(50_000);
        client.pause();
      }),
    );
    expect(fdCount(server.pid)).toBeGreaterThan(before);
    clients.forEach((client, index) => {
      if (index % 2 === 0) client.reset();
      else client.close();
    });
    await settled(before);
    expect((await get("/file/small.txt")).text).toBe("a small file");
  });
});
