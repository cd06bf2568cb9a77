import { afterEach, beforeEach, expect, test } from "bun:test";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { CLOSE, OWNED } from "../../src/channel/messages.ts";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { HEAD, RequestParser } from "../../src/http/request-parser.ts";
import { Client } from "../../src/roles/client.ts";
import { DirectAnswers } from "../../src/roles/direct-answers.ts";
import { LastAnswers } from "../../src/roles/last-answer.ts";

let client: Client;
let direct: DirectAnswers;
let sent: string[];
/** Lengths of what was sent with a long body. */
let joined: number[];
let replies: string[];
let rests: string[];
/** Bytes that the socket takes of the next send. */
let taken: number;

beforeEach(() => {
  client = new Client(0, 0, -1);
  sent = [];
  joined = [];
  replies = [];
  rests = [];
  taken = Number.POSITIVE_INFINITY;
  direct = new DirectAnswers({
    reply: (_client, sequence, bytes, closes) => {
      direct.flushBefore(client);
      replies.push(`${sequence}${closes ? " closes" : ""} ${bytes.bytes.toString("latin1").slice(0, 20)}`);
    },
    send: (_client, address, length) => {
      const { toBuffer } = require("bun:ffi") as typeof import("bun:ffi");
      const count = Math.min(length, taken);
      sent.push(
        toBuffer(address as never, 0, length)
          .toString("latin1")
          .slice(0, 40),
      );
      return count;
    },
    sendPieces: (_client, pieces) => {
      joined.push(pieces.byteLength);
      return Math.min(pieces.byteLength, taken);
    },
    rest: (_client, bytes) => rests.push(bytes.bytes.toString("latin1")),
    last: new LastAnswers(),
  });
});
afterEach(() => direct.end());

function answer(head: string, body: string | null = null, closes = false): void {
  const sequence = client.answers.assign();
  const bytes = body === null ? null : Buffer.from(body);
  direct.answer(client, sequence, head, bytes, 0, bytes?.length ?? 0, closes ? CLOSE : 0);
  client.answers.finish(sequence);
}

test("answers of the client that is read leave in one send, in order", () => {
  direct.begin(client);
  answer("A ", "one");
  answer("B ");
  const sequence = client.answers.assign();
  const native = (text: string): NativeBuffer => NativeBuffer.cString(text);
  direct.answerBytes(client, sequence, native("C"), native("D"), false);
  client.answers.finish(sequence);
  expect(sent).toEqual([]);
  direct.end();
  expect(sent).toEqual(["A oneB C\0D\0"]);
  direct.end();
  expect([sent.length, replies, rests]).toEqual([1, [], []]);
});

test("what the socket does not take is queued", () => {
  direct.begin(client);
  answer("0123456789");
  taken = 4;
  direct.end();
  expect(rests).toEqual(["456789"]);
});

test("an answer out of turn, one that closes, or one of another client goes the other way, behind what was answered", () => {
  direct.begin(client);
  answer("A");
  answer("B", null, true);
  expect([sent, replies]).toEqual([["A"], ["1 closes B"]]);
  const pending = client.answers.assign();
  answer("D");
  client.answers.finish(pending);
  direct.end();
  answer("E");
  expect(replies.slice(1)).toEqual(["3 D", "4 E"]);
});

test("one that closes leaves with those before it where its request is over, and is the last", () => {
  direct.begin(client);
  answer("A");
  const bytes = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.parser = new RequestParser(DEFAULT_LIMITS);
  expect(client.parser.next(bytes, 0, bytes.length, new RequestHead(DEFAULT_LIMITS))).toBe(HEAD);
  answer("B", "body", true);
  expect([sent, replies, client.isLastRequest]).toEqual([[], [], true]);
  direct.end();
  expect([sent, replies]).toEqual([["ABbody"], []]);
});

test("a long body leaves at once with what was answered before it, without a copy of it", () => {
  direct.begin(client);
  answer("A");
  answer("HEAD ", "x".repeat(70_000));
  expect([joined, sent, replies, rests]).toEqual([[70_006], [], [], []]);
  direct.end();
  expect(sent).toEqual([]);
});

test("of a long body and its head what the socket does not take is queued", () => {
  const body = `${"x".repeat(69_990)}0123456789`;
  direct.begin(client);
  taken = 3;
  answer("HEAD ", body);
  expect([rests, replies]).toEqual([["D "], [`0 ${"x".repeat(20)}`]]);
  taken = 5 + 69_996;
  answer("HEAD ", body);
  expect([rests.length, replies[1]]).toEqual([1, "1 6789"]);
  taken = 0;
  answer("HEAD ", body);
  expect([rests[1], replies[2]]).toEqual(["HEAD ", `2 ${"x".repeat(20)}`]);
});

test("a long body that was sent is freed if nobody else has it", () => {
  for (const flags of [0, OWNED]) {
    const body = new Uint8Array(70_000);
    direct.begin(client);
    direct.answer(client, client.answers.assign(), "HEAD ", body, 0, body.length, flags);
    client.answers.finish(client.answers.assigned - 1);
    direct.end();
    expect(body.length).toBe(flags === OWNED ? 0 : 70_000);
  }
});

test("bytes that are ready and long leave with their head at once", () => {
  direct.begin(client);
  const body = NativeBuffer.allocate(70_000);
  direct.answerBytes(client, client.answers.assign(), NativeBuffer.cString("HEAD"), body, false);
  expect([joined, sent, replies]).toEqual([[70_005], [], []]);
  expect(body.bytes.length).toBe(70_000);
});

test("a long body of an answer that closes goes by itself", () => {
  direct.begin(client);
  answer("A");
  answer("HEAD ", "x".repeat(70_000), true);
  expect([joined, sent, replies]).toEqual([
    [],
    ["A"],
    ["1 HEAD ", `1 closes ${"x".repeat(20)}`.slice(0, 29)],
  ]);
});

test("more than fits is sent in parts", () => {
  direct.begin(client);
  for (let index = 0; index < 5; index++) answer(`${index}`, "y".repeat(30_000));
  direct.end();
  expect(sent.map((text) => text[0])).toEqual(["0", "2", "4"]);
});

test("nothing is sent for a client that is gone", () => {
  direct.begin(client);
  answer("A");
  direct.drop(client);
  direct.end();
  expect(sent).toEqual([]);
});
