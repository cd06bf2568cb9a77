import { expect, test } from "bun:test";
import {
  TaskView,
  taskRecordBytes,
  writeBareRecord,
  writeTaskRecord,
} from "../../src/channel/task-record.ts";
import { inlineRecordOf, inlineRunOf } from "../../src/roles/inline-record.ts";
import { allocateServerMemory, controlOf } from "../../src/roles/server-memory.ts";
import { PEER, PEER_INDEX, parseRequest } from "../channel/link-pair.ts";

test("main tells what a dispatcher runs, without its query, and for how long", () => {
  const memory = allocateServerMemory(2, 1);
  // As it gets to the dispatcher's thread.
  const record = inlineRecordOf(structuredClone(memory), 1);
  const control = controlOf(memory);
  const { head, bytes, headStart } = parseRequest("DELETE /things/7?secret=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(inlineRunOf(memory, control, 1, 5000)).toBeNull();
  writeTaskRecord(record, 0, head, bytes, headStart, 0, 0, PEER, PEER_INDEX);
  control.beginInline(1, 9, 2000);
  expect(control.inlineClient(1)).toBe(9);
  expect(inlineRunOf(memory, control, 1, 5000)).toEqual({ method: "DELETE", path: "/things/7", ms: 3000 });
  expect(inlineRunOf(memory, control, 0, 5000)).toBeNull();
  control.endInline(1);
  expect(control.inlineClient(1)).toBe(-1);
  expect(inlineRunOf(memory, control, 1, 5000)).toBeNull();
});

test("the same of a request whose record lies elsewhere", () => {
  const memory = allocateServerMemory(1, 1);
  const control = controlOf(memory);
  const { head, bytes, headStart } = parseRequest(
    `POST /${"x".repeat(500)}?secret=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n`,
  );
  const elsewhere = new ArrayBuffer((taskRecordBytes(head, 0) + 64) & ~7);
  const other = { bytes: Buffer.from(elsewhere), words: new Int32Array(elsewhere) };
  writeTaskRecord(other, 48, head, bytes, headStart, 0, 0, PEER, PEER_INDEX);
  const view = new TaskView(other);
  view.moveTo(other, 48);
  writeBareRecord(inlineRecordOf(memory, 0), view);
  control.beginInline(0, -1, 1000);
  expect(inlineRunOf(memory, control, 0, 1500)).toEqual({
    method: "POST",
    path: `/${"x".repeat(199)}`,
    ms: 500,
  });
});
