import { afterEach, beforeEach, describe, expect, type Mock, spyOn, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monotonicMs } from "../../ffi/clock.ts";
import { LINE_BYTES, LogWriter } from "../../src/roles/log-writer.ts";
import { SocketPair } from "../net/raw-client.ts";
import { receiveNow } from "./receive-now.ts";

let folder: string;
let fds: number[];
let dropped: number;
const onDropped = (lines: number): void => {
  dropped += lines;
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "epollo-log-"));
  fds = [];
  dropped = 0;
});
afterEach(() => {
  for (const fd of fds) closeSync(fd);
  rmSync(folder, { recursive: true });
});

function open(path: string, flags: number): number {
  const fd = openSync(path, flags);
  fds.push(fd);
  return fd;
}

function pipe(): { read: number; write: number } {
  const path = join(folder, "pipe");
  Bun.spawnSync(["mkfifo", path]);
  const read = open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { read, write: open(path, constants.O_WRONLY | constants.O_NONBLOCK) };
}

/** What is in a pipe. */
function drain(fd: number): string {
  const parts: Buffer[] = [];
  const part = Buffer.alloc(65_536);
  try {
    for (let count = readSync(fd, part); count > 0; count = readSync(fd, part))
      parts.push(Buffer.from(part.subarray(0, count)));
  } catch (error) {
    if ((error as { code?: string }).code !== "EAGAIN") throw error;
  }
  return Buffer.concat(parts).toString("latin1");
}

describe("a file", () => {
  test("lines wait for their time, and go out together", () => {
    const path = join(folder, "file");
    const fd = open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND);
    const writer = new LogWriter(
      { fd, isSocket: false, path: null, pieceBytes: Number.POSITIVE_INFINITY },
      onDropped,
    );
    expect(writer.dueMs).toBe(Number.POSITIVE_INFINITY);
    const before = monotonicMs();
    writer.add("one\n");
    writer.add("t\u00e9wo\n");
    expect(writer.dueMs).toBeWithin(before + 199, monotonicMs() + 201);
    writer.look(before);
    expect(readFileSync(path, "latin1")).toBe("");
    writer.look(writer.dueMs);
    expect(readFileSync(path, "latin1")).toBe("one\nt\u00e9wo\n");
    expect([writer.dueMs, dropped]).toEqual([Number.POSITIVE_INFINITY, 0]);
  });

  test("many lines are due at once", () => {
    const fd = open("/dev/null", constants.O_WRONLY);
    const writer = new LogWriter(
      { fd, isSocket: false, path: null, pieceBytes: Number.POSITIVE_INFINITY },
      onDropped,
    );
    for (let i = 0; i < 40_000 / 100; i++) writer.add(`${"x".repeat(99)}\n`);
    expect(writer.dueMs).toBe(0);
  });
});

describe("a file that is renamed", () => {
  test("lines go to the new one from the next second on, none is lost, and the rest of a line to its beginning", () => {
    const path = join(folder, "file");
    const fd = open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND);
    const writer = new LogWriter(
      { fd, isSocket: false, path, pieceBytes: Number.POSITIVE_INFINITY },
      onDropped,
    );
    const now = monotonicMs();
    writer.add("one\n");
    writer.flush(now);
    renameSync(path, `${path}.1`);
    writer.add("two\n");
    writer.flush(now + 900);
    writer.add("three\n");
    writer.flush(now + 1100);
    writer.add("four\n");
    writer.flush(now + 1200);
    expect(readFileSync(`${path}.1`, "latin1")).toBe("one\ntwo\n");
    expect(readFileSync(path, "latin1")).toBe("three\nfour\n");
    expect(dropped).toBe(0);
  });
});

describe("a pipe", () => {
  test("that is full keeps nobody waiting; lines that do not fit are counted, the others arrive whole and in order", () => {
    const { read, write } = pipe();
    const writer = new LogWriter(
      { fd: write, isSocket: false, path: null, pieceBytes: LINE_BYTES },
      onDropped,
    );
    const line = (number: number): string => `${String(number).padStart(1000, "0")}\n`;
    const count = 1000;
    for (let number = 0; number < count; number++) {
      writer.add(line(number));
      writer.look(monotonicMs());
    }
    expect(dropped).toBeGreaterThan(0);
    let text = "";
    for (let round = 0; round < 100 && writer.dueMs < Number.POSITIVE_INFINITY; round++) {
      text += drain(read);
      writer.flush();
    }
    text += drain(read);
    const kept = count - dropped;
    expect(text).toBe(Array.from({ length: kept }, (_, number) => line(number)).join(""));
    writer.add("again\n");
    writer.flush();
    expect(drain(read)).toBe("again\n");
  });

  test("that nobody reads any more loses the lines, and says so once", () => {
    const print: Mock<typeof console.error> = spyOn(console, "error").mockImplementation(() => {});
    try {
      const { read, write } = pipe();
      closeSync(read);
      fds.splice(fds.indexOf(read), 1);
      const writer = new LogWriter(
        { fd: write, isSocket: false, path: null, pieceBytes: LINE_BYTES },
        onDropped,
      );
      for (let round = 0; round < 3; round++) {
        writer.add("a\n");
        writer.add("b\n");
        writer.flush();
      }
      expect([dropped, writer.dueMs]).toEqual([6, Number.POSITIVE_INFINITY]);
      expect(print.mock.calls).toEqual([
        ["epollo: the access log cannot be written (errno 32): lines are lost"],
      ]);
    } finally {
      print.mockRestore();
    }
  });
});

test("a socket is sent to", async () => {
  const sockets = await SocketPair.open();
  fds.push(sockets.server, sockets.client);
  const writer = new LogWriter(
    { fd: sockets.server, isSocket: true, path: null, pieceBytes: LINE_BYTES },
    onDropped,
  );
  writer.add("to a socket\n");
  writer.flush();
  let text = "";
  for (let attempt = 0; text === "" && attempt < 1000; attempt++) {
    text += receiveNow(sockets.client).toString();
    await Bun.sleep(1);
  }
  expect(text).toBe("to a socket\n");
});
