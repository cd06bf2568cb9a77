import { describe, expect, test } from "bun:test";
import {
  TASK_CLOSES,
  TASK_HAS_BODY,
  TASK_HTTP_1_0,
  TASK_STREAMS_BODY,
  TaskView,
  taskRecordBytes,
  writeTaskRecord,
} from "../../src/channel/task-record.ts";
import { METHODS } from "../../src/http/method.ts";
import { decodeFieldName, decodeFieldValue } from "../../src/http/request-head.ts";
import { formatPeer } from "../../src/net/address.ts";
import { type ParsedRequest, PEER, PEER_INDEX, parseRequest } from "./link-pair.ts";

/** Writes a request at `offset` of memory that is full of other bytes, its body included. */
function write(request: ParsedRequest, flags = 0, offset = 0, bodyBytes = request.bodyBytes) {
  const length = taskRecordBytes(request.head, bodyBytes);
  const memory = new ArrayBuffer((offset + length + 64 + 7) & ~7);
  const target = { bytes: Buffer.from(memory).fill(0xee), words: new Int32Array(memory) };
  const { head, bytes, headStart, bodyStart } = request;
  const bodyAt = writeTaskRecord(target, offset, head, bytes, headStart, bodyBytes, flags, PEER, PEER_INDEX);
  bytes.copy(target.bytes, bodyAt, bodyStart, bodyStart + bodyBytes);
  const view = new TaskView(target);
  view.moveTo(target, offset);
  return { target, view, length, bodyAt };
}

function fieldsOf(view: TaskView): [string, string][] {
  return Array.from({ length: view.headerCount }, (_, index) => {
    const row = view.fieldTable + index * 4;
    return [
      decodeFieldName(view.bytes, view.headStart, view.words, row),
      decodeFieldValue(view.bytes, view.headStart, view.words, row),
    ];
  });
}

function targetOf(view: TaskView): string {
  return view.bytes.toString("latin1", view.targetStart, view.targetEnd);
}

const POST =
  "POST /path?x=1 HTTP/1.1\r\nX-A:  1 \r\nHost: example.com:8080\r\nEmpty:\r\nContent-Length: 11\r\n\r\nhello world";

describe("round trip", () => {
  test.each([0, 16, 4096])("all of a request comes back, written at offset %d", (offset) => {
    const request = parseRequest(POST);
    const { view } = write(request, TASK_HAS_BODY, offset);
    expect(METHODS[view.method]).toBe("POST");
    expect(targetOf(view)).toBe("/path?x=1");
    expect(fieldsOf(view)).toEqual([
      ["x-a", "1"],
      ["host", "example.com:8080"],
      ["empty", ""],
      ["content-length", "11"],
    ]);
    expect(view.hostIndex).toBe(1);
    expect(view.headBytes).toBe(POST.indexOf("\r\n\r\n") + 4);
    expect(view.bodyBytes).toBe(11);
    expect(view.bytes.toString("latin1", view.bodyStart, view.bodyStart + view.bodyBytes)).toBe(
      "hello world",
    );
  });

  test("the record takes exactly the bytes that were announced", () => {
    const request = parseRequest(POST);
    const { target, length, bodyAt } = write(request, 0, 16);
    expect(bodyAt + request.bodyBytes).toBe(16 + length);
    expect(target.bytes.subarray(0, 16).every((byte) => byte === 0xee)).toBe(true);
    expect(target.bytes.subarray(16 + length).every((byte) => byte === 0xee)).toBe(true);
  });

  test("every method", () => {
    for (const [index, name] of METHODS.entries()) {
      const target = name === "CONNECT" ? "h:1" : "/";
      const { view } = write(parseRequest(`${name} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`), 0xf);
      expect([view.method, METHODS[view.method]]).toEqual([index, name]);
    }
  });

  test("flags are kept apart from the method", () => {
    for (const flags of [0, TASK_HTTP_1_0, TASK_STREAMS_BODY, TASK_CLOSES, TASK_HAS_BODY, 0xf]) {
      const { view } = write(parseRequest(POST), flags);
      expect([view.flags, METHODS[view.method]]).toEqual([flags, "POST"]);
    }
  });

  test("the client's address", () => {
    const { view } = write(parseRequest(POST), 0, 32);
    expect(Array.from(view.words.subarray(view.peerIndex, view.peerIndex + 5))).toEqual(
      Array.from(PEER.subarray(PEER_INDEX, PEER_INDEX + 5)),
    );
    expect(formatPeer(view.words, view.peerIndex)).toEqual({
      address: "127.0.0.1",
      family: "IPv4",
      port: 8080,
    });
  });

  test("no Host, no fields, no body", () => {
    const { view } = write(parseRequest("GET / HTTP/1.0\r\n\r\n"), TASK_HTTP_1_0);
    expect([view.headerCount, view.hostIndex, view.bodyBytes, view.contentLength]).toEqual([0, -1, 0, -1]);
    expect(targetOf(view)).toBe("/");
  });

  test("lengths that do not fit into 32 bits", () => {
    for (const length of [0, 1, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      const request = parseRequest(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
      expect(write(request, TASK_STREAMS_BODY).view.contentLength).toBe(length);
    }
  });

  test("a chunked body has no known length", () => {
    const request = parseRequest("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect(write(request).view.contentLength).toBe(-1);
  });

  test("bytes above 127 in targets and values", () => {
    const { view } = write(parseRequest("GET /\xe4\xf6 HTTP/1.1\r\nHost: a\r\nX: \xff\xe9\r\n\r\n"));
    expect(targetOf(view)).toBe("/\xe4\xf6");
    expect(fieldsOf(view)[1]).toEqual(["x", "\xff\xe9"]);
  });

  test("as many fields as the parser takes", () => {
    const lines = Array.from({ length: 197 }, (_, index) => `f${index}: v${index}\r\n`).join("");
    const { view } = write(parseRequest(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`), 0, 48);
    expect(view.headerCount).toBe(198);
    expect(fieldsOf(view).slice(1)).toEqual(
      Array.from({ length: 197 }, (_, index) => [`f${index}`, `v${index}`]),
    );
  });
});

describe("a view", () => {
  test("moves from record to record", () => {
    const first = write(parseRequest("GET /first HTTP/1.1\r\nHost: one\r\n\r\n"), TASK_CLOSES, 16);
    const second = write(parseRequest(POST), 0, 64);
    const view = first.view;
    view.moveTo(second.target, 64);
    expect([targetOf(view), view.flags, view.contentLength]).toEqual(["/path?x=1", 0, 11]);
    view.moveTo(first.target, 16);
    expect([targetOf(view), view.flags, view.contentLength]).toEqual(["/first", TASK_CLOSES, -1]);
  });

  test("detached, it keeps header and head when the record is overwritten", () => {
    const { view, target } = write(parseRequest(POST), TASK_HAS_BODY | TASK_CLOSES, 32);
    const before = fieldsOf(view);
    const copy = view.detach();
    target.bytes.fill(0);
    expect(fieldsOf(copy)).toEqual(before);
    expect([targetOf(copy), METHODS[copy.method], copy.flags]).toEqual([
      "/path?x=1",
      "POST",
      TASK_HAS_BODY | TASK_CLOSES,
    ]);
    expect([copy.hostIndex, copy.contentLength]).toEqual([1, 11]);
    expect(formatPeer(copy.words, copy.peerIndex)?.port).toBe(8080);
  });

  test("detached, it holds no body", () => {
    const { view } = write(parseRequest(POST), 0, 0);
    const copy = view.detach();
    expect(copy.bytes.length).toBeLessThan(copy.bodyStart + 8);
    expect(copy.bytes.includes("hello world")).toBe(false);
  });
});
