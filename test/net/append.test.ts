import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { append } from "../../src/net/append.ts";
import { SocketPair } from "./raw-client.ts";

const bytes = NativeBuffer.allocate(4);
bytes.bytes.write("line");

test("appends to a file; an error is a negative number", () => {
  const folder = mkdtempSync(join(tmpdir(), "epollo-append-"));
  const path = join(folder, "file");
  const fd = openSync(path, "a");
  try {
    expect([append(fd, false, bytes.address, 4), append(fd, false, bytes.address, 2)]).toEqual([4, 2]);
    expect(readFileSync(path, "latin1")).toBe("lineli");
    expect(append(fd, true, bytes.address, 4)).toBe(-88);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
  expect(append(fd, false, bytes.address, 4)).toBe(-9);
});

test("a socket that is full gives WOULD_BLOCK, though it may block", async () => {
  const sockets = await SocketPair.open({ areBuffersSmall: true });
  try {
    const block = NativeBuffer.allocate(1 << 20);
    let result = 0;
    while (result >= 0) result = append(sockets.server, true, block.address, block.length);
    expect(result).toBe(-11);
  } finally {
    closeSync(sockets.server);
    closeSync(sockets.client);
  }
});
