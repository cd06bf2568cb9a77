import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SO_SNDBUF, SOL_SOCKET } from "../../ffi/constants.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { WOULD_BLOCK } from "../../src/net/stream-socket.ts";
import { Client, type Segment, segmentOf } from "../../src/roles/client.ts";
import { FILE_BUDGET, FILE_ENDED, sendFromFile } from "../../src/roles/file-sender.ts";
import { pattern } from "../channel/link-pair.ts";
import { getIntOption, SocketPair } from "../net/raw-client.ts";
import { receiveNow } from "./receive-now.ts";

const LENGTH = 12_000_000;
let folder: string;
let file: string;
let sockets: SocketPair;
let client: Client;
let segment: Segment;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "epollo-file-sender-"));
  file = join(folder, "file");
  writeFileSync(file, pattern(LENGTH, 7));
  sockets = await SocketPair.open({});
  client = new Client(0, 0, sockets.server);
  segment = { ...segmentOf(NativeBuffer.allocate(1), false), fileFd: openSync(file, "r"), length: LENGTH };
});
afterEach(() => {
  closeSync(segment.fileFd);
  sockets.close();
  rmSync(folder, { recursive: true });
});

/** Sends until the socket is full. */
function fill(): void {
  for (;;) {
    const wanted = Math.min(FILE_BUDGET, LENGTH - segment.at);
    const sent = sendFromFile(client, segment, wanted);
    if (sent < 0) {
      expect(sent).toBe(WOULD_BLOCK);
      return;
    }
    segment.at += sent;
  }
}

test.each([
  ["on this machine gets a short send buffer once its socket is full", true],
  ["elsewhere keeps the one that the kernel sizes", false],
])("a client %s", (_title, isNear) => {
  client.isNear = isNear;
  fill();
  const bytes = getIntOption(client.fd, SOL_SOCKET, SO_SNDBUF);
  if (isNear) expect(bytes).toBe(400_000);
  else expect(bytes).toBeGreaterThan(400_000);
  expect(client.isNear).toBe(false);
});

test("what is sent is the file, from the segment's place on", () => {
  segment.at = 1_000_000;
  const sent = sendFromFile(client, segment, 50_000);
  segment.at = 1_000_000 + sent;
  expect(sent).toBe(50_000);
  expect(receiveNow(sockets.client).equals(pattern(LENGTH, 7).subarray(1_000_000, segment.at))).toBe(true);
});

test("a socket that has taken all asked for is left as it is", () => {
  client.isNear = true;
  expect(sendFromFile(client, segment, 1000)).toBe(1000);
  expect(client.isNear).toBe(true);
});

test("a file that has become shorter is told, whether some of it is left or none", () => {
  truncateSync(file, 5000);
  segment.at = 4000;
  expect(sendFromFile(client, segment, 2000)).toBe(FILE_ENDED);
  segment.at = 5000;
  expect(sendFromFile(client, segment, 2000)).toBe(FILE_ENDED);
});

test("an error of the socket is given as it is", () => {
  client.fd = segment.fileFd + 1000;
  expect(sendFromFile(client, segment, 1000)).toBe(-ERRNO.EBADF);
});
