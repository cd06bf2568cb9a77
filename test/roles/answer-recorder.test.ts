import { expect, test } from "bun:test";
import { AnswerRecorder } from "../../src/roles/answer-recorder.ts";
import { Client } from "../../src/roles/client.ts";
import { DISPATCHER_CELLS, STATUS_AT } from "../../src/shm/buckets.ts";

const client = new Client(0, 0, -1);
const text = (recorder: AnswerRecorder, head: string): void => recorder.text(client, 0, head, 0);
const bytes = (recorder: AnswerRecorder, given: Uint8Array, at: number): void =>
  recorder.bytes(client, 0, Buffer.from(given), at, given.length - at);

function counted(count: (recorder: AnswerRecorder) => void): Record<string, number> {
  const counters = new Float64Array(DISPATCHER_CELLS);
  count(new AnswerRecorder(counters));
  const found: Record<string, number> = {};
  counters.forEach((value, cell) => {
    if (value !== 0) found[cell - STATUS_AT] = value;
  });
  return found;
}

test("answers are counted by the status of their head, be it text or bytes", () => {
  const seen = counted((recorder) => {
    text(recorder, "HTTP/1.1 200 OK\r\n\r\n");
    text(recorder, "HTTP/1.1 599 HM\r\n\r\n");
    bytes(recorder, Buffer.from("HTTP/1.1 200 OK\r\n\r\n"), 0);
    bytes(recorder, Buffer.from("xxxHTTP/1.1 101 Switching protocols\r\n\r\n"), 3);
  });
  expect(seen).toEqual({ 200: 2, 599: 1, 101: 1 });
});

test("what is no head counts as 0, and nowhere else", () => {
  const seen = counted((recorder) => {
    for (const head of ["", "head", "HTTP/1.1 600 X", "HTTP/1.1 \uffff\uffff\uffff", "HTTP/1.1 099"])
      text(recorder, head);
    bytes(recorder, new Uint8Array(3), 0);
    bytes(recorder, new Uint8Array(20).fill(255), 4);
  });
  expect(seen).toEqual({ 0: 7 });
});
