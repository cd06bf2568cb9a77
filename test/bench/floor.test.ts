import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetch as app, compute } from "../../bench/servers/app.ts";
import { PEERS, type Peer, startPeer } from "../../bench/support/peers.ts";
import { requestBytes } from "../support/exchange.ts";
import { RawClient } from "../support/raw-client.ts";

const TEXT = "Hello, World!";
/** Little work for `/cpu/<ms>`. */
const ROUNDS_PER_MS = 1000;
const running: Peer[] = [];

afterAll(() => Promise.all(running.map((peer) => peer.stop())));

const folder = mkdtempSync(join(tmpdir(), "epollo-floor-test-"));
const FILE = join(folder, "file.txt");
const FILE_TEXT = "0123456789abcdef~".repeat(300_000);
writeFileSync(FILE, FILE_TEXT);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(name: string, path = "/"): Promise<Peer> {
  const kind = PEERS.find((peer) => peer.name === name)!;
  const environment = {
    BENCH_CPU_ROUNDS_PER_MS: String(ROUNDS_PER_MS),
    BENCH_PATH: path,
    BENCH_FILE: FILE,
  };
  const peer = (await startPeer(kind, environment))!;
  running.push(peer);
  return peer;
}

/** Sends the parts with a pause after each, and returns how many answers came until there were `wanted`. */
function countAnswers(port: number, parts: readonly string[], wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", async () => {
      for (const part of parts) {
        socket.write(part);
        await Bun.sleep(5);
      }
    });
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      const count = received.split(TEXT).length - 1;
      if (count < wanted) return;
      socket.destroy();
      resolve(count);
    });
    socket.on("error", reject);
  });
}

const hasCompiler = PEERS.find(({ name }) => name === "floor")!.command() !== null;

describe.skipIf(!hasCompiler)("the floors in C (skipped without cc)", () => {
  for (const name of ["floor", "floor-main", "floor-pool"]) {
    test(`${name} answers text, one head in pieces, many at once, and closes when asked to`, async () => {
      const { port } = await start(name);
      const url = `http://127.0.0.1:${port}/`;
      const closing = { headers: { connection: "close" }, keepalive: false };
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => fetch(url, index % 2 ? closing : {})),
      );
      for (const answer of answers) expect(await answer.text()).toBe(TEXT);
      const one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
      expect(await countAnswers(port, [one.slice(0, 9), one.slice(9, 27), one.slice(27)], 1)).toBe(1);
      expect(await countAnswers(port, [one.repeat(600)], 600)).toBe(600);
    });
  }

  for (const path of ["/", "/json", "/users/42", "/static"]) {
    test(`floor answers what the app answers to ${path}`, async () => {
      const { port } = await start("floor", path);
      const expected = await app(new Request(`http://127.0.0.1:${port}${path}`));
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { keepalive: false });
      expect(await answer.text()).toBe(await expected.text());
      expect(answer.headers.get("content-type")).toBe(
        expected.headers.get("content-type") ?? "text/plain;charset=utf-8",
      );
    });
  }

  for (const name of ["floor-file", "floor-file-short"]) {
    test(`${name} sends the file, more of them at once in order, and goes on when a client leaves`, async () => {
      const { port } = await start(name);
      const url = `http://127.0.0.1:${port}/file`;
      const closing = { headers: { connection: "close" }, keepalive: false };
      for (const parts of [{}, closing, {}]) expect(await (await fetch(url, parts)).text()).toBe(FILE_TEXT);
      await using leaving = await RawClient.connect(port);
      await leaving.send(requestBytes("/file"));
      await leaving.readExactly(100);
      leaving.reset();
      await using client = await RawClient.connect(port);
      await client.send(Buffer.concat([requestBytes("/file"), requestBytes("/file"), requestBytes("/file")]));
      for (let answer = 0; answer < 3; answer++) expect((await client.readResponse()).text).toBe(FILE_TEXT);
    });
  }

  for (const name of ["floor-main", "floor-pool"]) {
    test(`${name} does the work of the app`, async () => {
      const { port } = await start(name);
      const ask = (target: string) =>
        fetch(`http://127.0.0.1:${port}${target}`).then((answer) => answer.text());
      const startMs = performance.now();
      expect(await Promise.all([ask("/wait/20"), ask("/wait/5"), ask("/mixed")])).toEqual([TEXT, TEXT, TEXT]);
      expect(performance.now() - startMs).toBeGreaterThan(19);
      expect(await ask("/cpu/3")).toBe(String(compute(3 * ROUNDS_PER_MS)));
      expect(await ask("/mixed?slow")).toBe(String(compute(20 * ROUNDS_PER_MS)));
    });
  }
});
