/**
 * One hostile client: it opens a connection, sends what is mostly no valid HTTP in random pieces, reads or does not read, and
 * leaves in a random way. For the drill `fuzz`. It uses sockets directly: what comes back is counted and dropped.
 */
import type { Socket } from "bun";
import { corpusFiles, readCases } from "../../test/http/corpus-cases.ts";
import { requestBytes } from "../../test/support/exchange.ts";
import { mutate } from "../../test/support/mutate.ts";

type Random = (below: number) => number;

const CORPUS: readonly Buffer[] = corpusFiles()
  .flatMap(readCases)
  .map(({ bytes }) => bytes);

/** Requests of the fixture app that are right; damaged, they would ask for gigabytes or hours. */
const RIGHT: readonly Buffer[] = [
  requestBytes("/bytes/3000000"),
  requestBytes("/text/200000"),
  requestBytes("/slow?ms=20"),
  requestBytes("/cpu?ms=2"),
  requestBytes("/status/204"),
];

/** Others, to be damaged or to be left in the middle of. */
const ANY: readonly Buffer[] = [
  requestBytes("/hello"),
  requestBytes("/hello", { method: "HEAD" }),
  requestBytes("/echo", { method: "POST", body: "echo".repeat(50) }),
  requestBytes("/body", { method: "POST", body: "b".repeat(100_000) }),
  requestBytes("/body-stream", { method: "POST", body: "s".repeat(300_000) }),
  requestBytes("/body-unread", { method: "POST", body: "u".repeat(200_000) }),
  requestBytes("/stream"),
  requestBytes("/file"),
  requestBytes("/redirect"),
  Buffer.from("POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
  Buffer.from("POST /body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"),
];

/** What one connection sends. */
function payload(random: Random): Buffer {
  const kind = random(10);
  const request = (from: readonly Buffer[] = [...RIGHT, ...ANY]): Buffer => from[random(from.length)]!;
  if (kind === 0) return Buffer.from(Array.from({ length: 1 + random(2000) }, () => random(256)));
  if (kind === 1) return request();
  if (kind === 2) return Buffer.concat(Array.from({ length: 1 + random(8) }, () => request()));
  if (kind <= 4) return mutate(request(ANY), random);
  const parts = Array.from({ length: 1 + random(3) }, () => CORPUS[random(CORPUS.length)]!);
  return mutate(Buffer.concat(parts), random);
}

/** Cuts bytes into a few pieces, some of them of a single byte. */
function pieces(bytes: Buffer, random: Random): Buffer[] {
  const offsets = Array.from({ length: random(6) }, () => random(bytes.length + 1)).sort((a, b) => a - b);
  const cut: Buffer[] = [];
  let from = 0;
  for (const offset of [...offsets, bytes.length]) {
    if (offset > from) cut.push(bytes.subarray(from, offset));
    from = offset;
  }
  return cut;
}

/** What hostile clients have done and seen. */
export interface FuzzCounts {
  connections: number;
  bytesSent: number;
  bytesReceived: number;
}

/** Opens one connection, mistreats the server, and is gone. */
export async function fuzzOnce(port: number, random: Random, counts: FuzzCounts): Promise<void> {
  let isOpen = true;
  const socket = await Bun.connect<undefined>({
    hostname: "127.0.0.1",
    port,
    allowHalfOpen: true,
    socket: {
      data: (_: Socket<undefined>, bytes: Buffer) => {
        counts.bytesReceived += bytes.length;
      },
      end: () => {
        isOpen = false;
      },
      close: () => {
        isOpen = false;
      },
      error: () => {
        isOpen = false;
      },
    },
  });
  counts.connections++;
  // One that reads nothing of what it has asked for fills every buffer on the way.
  if (random(6) === 0) socket.pause();
  const isCutShort = random(4) === 0;
  for (const piece of pieces(payload(random), random)) {
    if (!isOpen) break;
    counts.bytesSent += Math.max(0, socket.write(piece));
    if (isCutShort && random(3) === 0) break;
    if (random(3) === 0) await Bun.sleep(random(5));
  }
  if (isOpen && random(3) === 0) socket.shutdown();
  if (isOpen && random(3) > 0) await Bun.sleep(random(60));
  if (random(2) === 0) socket.terminate();
  else socket.end();
}
