import { expect, test } from "bun:test";
import { AnswerRecorder } from "../../src/roles/answer-recorder.ts";
import { DISPATCHER_CELLS, STATUS_AT } from "../../src/shm/buckets.ts";

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
    recorder.text("HTTP/1.1 200 OK\r\n\r\n");
    recorder.text("HTTP/1.1 599 HM\r\n\r\n");
    recorder.bytes(Buffer.from("HTTP/1.1 200 OK\r\n\r\n"), 0);
    recorder.bytes(Buffer.from("xxxHTTP/1.1 101 Switching protocols\r\n\r\n"), 3);
  });
  expect(seen).toEqual({ 200: 2, 599: 1, 101: 1 });
});

test("what is no head counts as 0, and nowhere else", () => {
  const seen = counted((recorder) => {
    for (const head of ["", "head", "HTTP/1.1 600 X", "HTTP/1.1 \uffff\uffff\uffff", "HTTP/1.1 099"])
      recorder.text(head);
    recorder.bytes(new Uint8Array(3), 0);
    recorder.bytes(new Uint8Array(20).fill(255), 4);
  });
  expect(seen).toEqual({ 0: 7 });
});
