import { describe, expect, test } from "bun:test";
import { BODY_WINDOW } from "../../src/channel/messages.ts";
import { BodyFailure, IncomingBody } from "../../src/fetch/incoming-body.ts";
import { pattern } from "../channel/link-pair.ts";
import { Recorder } from "./recorder.ts";

const PIECE = 16 * 1024;
/** What of a window may be granted later, so that not each piece costs a message. */
const STEP = BODY_WINDOW / 4;

function open(length = -1) {
  const recorder = new Recorder();
  const body = new IncomingBody(recorder, 5, 77, length);
  const granted = () => recorder.bodyCredits.reduce((sum, bytes) => sum + bytes, 0);
  /** Receives `bytes` from a buffer that is used again at once, as the ring is. */
  const receive = (bytes: Uint8Array) => {
    const source = Buffer.concat([Buffer.from("before"), bytes, Buffer.from("after")]);
    body.receive(source, 6, 6 + bytes.length);
    source.fill(0xee);
  };
  return { recorder, body, granted, receive };
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error) => error as Error,
  );
}

describe("credit", () => {
  test("a window is granted at the start, and no more while nothing is read", async () => {
    const { body, granted, receive } = open();
    expect(granted()).toBe(BODY_WINDOW);
    await Bun.sleep(1);
    for (let sent = 0; sent < BODY_WINDOW; sent += PIECE) receive(pattern(PIECE));
    await Bun.sleep(1);
    expect([granted(), body.isStreamed]).toEqual([BODY_WINDOW, false]);
  });

  test("nor while it is a stream that nobody reads", async () => {
    const { body, granted, receive } = open();
    for (let sent = 0; sent < BODY_WINDOW / 2; sent += PIECE) receive(pattern(PIECE));
    expect(body.stream).toBe(body.stream);
    for (let sent = 0; sent < BODY_WINDOW / 2; sent += PIECE) receive(pattern(PIECE));
    await Bun.sleep(1);
    expect([granted(), body.isStreamed]).toEqual([BODY_WINDOW, true]);
  });

  test("what was read is granted again, and never more than a window is on its way", async () => {
    const { body, granted, receive } = open();
    const source = pattern(1 << 20);
    const reader = body.stream.getReader();
    const parts: Uint8Array[] = [];
    let sent = 0;
    let read = 0;
    while (read < source.length) {
      while (sent < source.length && sent + PIECE <= granted()) {
        receive(source.subarray(sent, sent + PIECE));
        sent += PIECE;
      }
      expect(granted() - read).toBeLessThanOrEqual(BODY_WINDOW);
      const { value } = await reader.read();
      parts.push(value!);
      read += value!.length;
      await Bun.sleep(0);
    }
    expect(Buffer.concat(parts).equals(source)).toBe(true);
  });

  test("grants are put together: far fewer than pieces", async () => {
    const { body, recorder, granted, receive } = open();
    const reader = body.stream.getReader();
    let sent = 0;
    for (let count = 0; count < 2000; count++) {
      expect(sent + 500).toBeLessThanOrEqual(granted());
      receive(pattern(500));
      sent += 500;
      await reader.read();
    }
    expect(recorder.bodyCredits.length).toBeLessThan(2000 / 20);
  });

  test("a body is complete when it ended, with all pieces in order", async () => {
    const { body, receive } = open();
    receive(pattern(1000));
    receive(new Uint8Array(0));
    const text = new Response(body.stream).bytes();
    receive(pattern(2000, 1));
    body.end();
    body.end();
    expect(Buffer.from(await text).equals(Buffer.concat([pattern(1000), pattern(2000, 1)]))).toBe(true);
  });
});

describe("put together", () => {
  /** What of the body has come before somebody asks for it, and how long it was announced to be. */
  const shapes: readonly [asked: number, announced: number, length: number][] = [
    [0, 300_000, 300_000],
    [0, -1, 300_000],
    [100_000, 300_000, 300_000],
    [BODY_WINDOW, -1, 3_000_000],
    [0, 3_000_000, 3_000_000],
    [40_000, -1, 40_000],
    [40_000, 40_000, 40_000],
    [0, -1, 1],
    [0, -1, 0],
  ];
  test.each(shapes)(
    "asked for after %d bytes, announced as %d: %d bytes",
    async (asked, announced, length) => {
      const { body, granted, receive } = open(announced);
      const source = pattern(length);
      let sent = 0;
      const send = (end: number): void => {
        while (sent < end) {
          const next = Math.min(end, sent + 30_011);
          expect(next).toBeLessThanOrEqual(granted());
          receive(source.subarray(sent, next));
          sent = next;
        }
      };
      send(asked);
      const collected = body.collect();
      const isWholeBefore = asked === length;
      if (isWholeBefore) body.end();
      else {
        while (sent < length) {
          send(Math.min(length, sent + 30_011));
          // It is copied and done with: nearly a whole window is open at any time, and never more.
          expect(granted() - sent).toBeGreaterThan(BODY_WINDOW - STEP);
          expect(granted() - sent).toBeLessThanOrEqual(BODY_WINDOW);
        }
        body.end();
      }
      expect(source.equals(await collected)).toBe(true);
      expect(body.isStreamed).toBe(false);
    },
  );

  test("asked for after its end", async () => {
    const { body, receive } = open(2000);
    receive(pattern(2000));
    body.end();
    expect(pattern(2000).equals(await body.collect())).toBe(true);
  });

  test("with grants put together, and none after the end", async () => {
    const { body, recorder, receive } = open();
    const collected = body.collect();
    for (let count = 0; count < 2000; count++) receive(pattern(500));
    expect(recorder.bodyCredits.length).toBeLessThan(2000 / 20);
    body.end();
    const count = recorder.bodyCredits.length;
    expect((await collected).length).toBe(1_000_000);
    expect(recorder.bodyCredits.length).toBe(count);
  });

  test("a length that was announced too great costs no memory before it comes", async () => {
    const { body, receive } = open(Number.MAX_SAFE_INTEGER);
    const collected = body.collect();
    receive(pattern(100));
    body.end();
    expect(pattern(100).equals(await collected)).toBe(true);
  });
});

describe("failure", () => {
  test("a body that is too large rejects the reader, in text() too", async () => {
    const { body, receive } = open();
    const text = new Request("http://a/", { method: "POST", body: body.stream }).text();
    receive(pattern(10));
    body.fail(new BodyFailure(413));
    const error = (await failureOf(text)) as BodyFailure;
    expect([error.message, error.name, error.status]).toEqual([
      "Request body exceeded maxRequestBodySize",
      "Error",
      413,
    ]);
  });

  test.each([false, true])("rejects who collects it, asked before: %p", async (isAskedBefore) => {
    const { body, receive } = open();
    const before = isAskedBefore ? failureOf(body.collect()) : null;
    receive(pattern(10));
    const reason = new BodyFailure(400);
    body.fail(reason);
    body.fail(new BodyFailure(0));
    expect(await (before ?? failureOf(body.collect()))).toBe(reason);
  });

  test("a client that left is an AbortError, a malformed body an Error", () => {
    expect([new BodyFailure(0).name, new BodyFailure(0).message]).toEqual([
      "AbortError",
      "The connection was closed.",
    ]);
    expect([new BodyFailure(400).name, new BodyFailure(400).message]).toEqual([
      "Error",
      "The request body is malformed",
    ]);
  });

  test.each(["stream", "collect"])("after the end, a failure changes nothing: %s", async (way) => {
    const { body, receive } = open();
    receive(pattern(3));
    body.end();
    body.fail(new BodyFailure(0));
    body.abandon();
    const read = way === "stream" ? new Response(body.stream).bytes() : body.collect();
    expect(pattern(3).equals(await read)).toBe(true);
  });
});

describe("a body nobody reads", () => {
  test("abandoned, it rejects later readers and lets the rest through", async () => {
    const { body, granted, receive } = open();
    receive(pattern(PIECE));
    body.abandon();
    body.abandon();
    let received = PIECE;
    for (let count = 0; count < 40; count++) {
      receive(pattern(PIECE));
      received += PIECE;
      expect(granted() - received).toBeGreaterThan(BODY_WINDOW - STEP);
      expect(granted() - received).toBeLessThanOrEqual(BODY_WINDOW);
    }
    body.end();
    for (const read of [body.collect(), body.stream.getReader().read()]) {
      const error = await failureOf(read);
      expect([error.name, error.message]).toEqual(["AbortError", "The connection was closed."]);
    }
  });

  test("abandoned while it is put together, it rejects who waits", async () => {
    const { body, receive } = open();
    const error = failureOf(body.collect());
    receive(pattern(PIECE));
    body.abandon();
    expect((await error).name).toBe("AbortError");
  });

  test("cancelled by its reader, the rest is let through", async () => {
    const { body, granted, receive } = open();
    const reader = body.stream.getReader();
    await reader.cancel();
    let received = 0;
    for (let count = 0; count < 20; count++) {
      receive(pattern(PIECE));
      received += PIECE;
      expect(granted() - received).toBeGreaterThan(BODY_WINDOW - STEP);
    }
    body.end();
    expect((await reader.read()).done).toBe(true);
  });

  // With no credit left no piece comes that something could be granted for.
  test.each(["cancelled", "abandoned"])(
    "%s while the window is used up, the client can go on",
    async (way) => {
      const { body, granted, receive } = open();
      for (let sent = 0; sent < BODY_WINDOW; sent += PIECE) receive(pattern(PIECE));
      if (way === "cancelled") await body.stream.cancel();
      else body.abandon();
      expect(granted()).toBe(2 * BODY_WINDOW);
    },
  );
});
