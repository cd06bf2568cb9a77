import { expect, test } from "bun:test";
import {
  TASK_CLOSES,
  TASK_HAS_BODY,
  TASK_STREAMS_BODY,
  taskRecordBytes,
  writeTaskRecord,
} from "../../src/channel/task-record.ts";
import { CollectedBody } from "../../src/roles/collected-body.ts";
import { PEER, PEER_INDEX, parseRequest, pattern, viewOf } from "../channel/link-pair.ts";

const REQUEST = parseRequest("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

function open(expectedBytes: number): CollectedBody {
  const { head, bytes, headStart } = REQUEST;
  const body = new CollectedBody(taskRecordBytes(head, 0), expectedBytes);
  writeTaskRecord(body, 0, head, bytes, headStart, 0, TASK_CLOSES, PEER, PEER_INDEX);
  return body;
}

test.each([
  [0, [1]],
  [0, [511, 1, 1]],
  [0, Array(300).fill(100)],
  [5000, [2500, 2500]],
  [10, [4000, 40_000]],
])("a body of %d expected bytes that comes in pieces %p", (expected, lengths) => {
  const body = open(expected);
  const all: Buffer[] = [];
  for (const [index, length] of lengths.entries()) {
    // A piece in the middle of a buffer that is used again at once.
    const source = Buffer.concat([Buffer.alloc(7), pattern(length, index), Buffer.alloc(7)]);
    all.push(pattern(length, index));
    body.append(source, 7, 7 + length);
    source.fill(0xff);
  }
  const expectedBody = Buffer.concat(all);
  expect(body.bodyBytes).toBe(expectedBody.length);
  expect(body.body().equals(expectedBody)).toBe(true);
  body.finish(body.bodyBytes, TASK_HAS_BODY);
  const record = body.record();
  const view = viewOf(record);
  expect([view.flags, view.bodyBytes]).toEqual([TASK_CLOSES | TASK_HAS_BODY, expectedBody.length]);
  expect(record.subarray(view.bodyStart).equals(expectedBody)).toBe(true);
  expect(record.toString("latin1", view.targetStart, view.targetEnd)).toBe("/up");
});

test("an empty one", () => {
  const body = open(0);
  body.finish(0, 0);
  expect([viewOf(body.record()).bodyBytes, body.body().length]).toEqual([0, 0]);
});

test("the body so far is a copy", () => {
  const body = open(0);
  body.append(pattern(10), 0, 10);
  const copy = body.body();
  body.append(pattern(2000), 0, 2000);
  body.bytes.fill(0);
  expect(copy.equals(pattern(10))).toBe(true);
});

test("one that grew too long is left out of its record", () => {
  const body = open(0);
  body.append(pattern(40_000), 0, 40_000);
  body.finish(0, TASK_STREAMS_BODY);
  const record = body.record();
  const view = viewOf(record);
  expect([record.length, view.bodyBytes, view.flags]).toEqual([
    taskRecordBytes(REQUEST.head, 0),
    0,
    TASK_CLOSES | TASK_STREAMS_BODY,
  ]);
});

test.each([0, 10, 30_000])(
  "one of %d announced bytes takes 4 KiB at most before any of it has come",
  (expected) => {
    const body = open(expected);
    const roomBytes = body.bytes.length - taskRecordBytes(REQUEST.head, 0);
    expect([body.content, roomBytes <= 4096 + 8]).toEqual([null, true]);
  },
);

test("a long one for a handler on this thread has its whole memory at once, beside the record", () => {
  const body = new CollectedBody(taskRecordBytes(REQUEST.head, 0), 1_000_000, true);
  expect([body.content!.length, body.bytes.length - taskRecordBytes(REQUEST.head, 0) <= 8]).toEqual([
    1_000_000,
    true,
  ]);
});
