import { describe, expect, test } from "bun:test";
import { BODY_WINDOW } from "../../src/channel/messages.ts";
import { BodyFailure, IncomingBody } from "../../src/fetch/incoming-body.ts";
import { pattern } from "../channel/link-pair.ts";
import { Recorder } from "./recorder.ts";

const PIECE = 16 * 1024;

function open() {
  const recorder = new Recorder();
  const body = new IncomingBody(recorder, 5, 77);
  const granted = () => recorder.bodyCredits.reduce((sum, bytes) => sum + bytes, 0);
  return { recorder, body, granted };
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
    const { body, granted } = open();
    expect(granted()).toBe(BODY_WINDOW);
    await Bun.sleep(1);
    for (let sent = 0; sent < BODY_WINDOW; sent += PIECE) body.push(pattern(PIECE));
    await Bun.sleep(1);
    expect(granted()).toBe(BODY_WINDOW);
  });

  test("what was read is granted again, and never more than a window is on its way", async () => {
    const { body, granted } = open();
    const source = pattern(1 << 20);
    const reader = body.stream.getReader();
    const parts: Uint8Array[] = [];
    let sent = 0;
    let read = 0;
    while (read < source.length) {
      while (sent < source.length && sent + PIECE <= granted()) {
        body.push(new Uint8Array(source.subarray(sent, sent + PIECE)));
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
    const { body, recorder, granted } = open();
    const reader = body.stream.getReader();
    let sent = 0;
    for (let count = 0; count < 2000; count++) {
      expect(sent + 500).toBeLessThanOrEqual(granted());
      body.push(pattern(500));
      sent += 500;
      await reader.read();
    }
    expect(recorder.bodyCredits.length).toBeLessThan(2000 / 20);
  });

  test("a body is complete when it ended, with all pieces in order", async () => {
    const { body } = open();
    body.push(pattern(1000));
    body.push(new Uint8Array(0));
    const text = new Response(body.stream).bytes();
    body.push(pattern(2000, 1));
    body.end();
    body.end();
    expect(Buffer.from(await text).equals(Buffer.concat([pattern(1000), pattern(2000, 1)]))).toBe(true);
  });
});

describe("failure", () => {
  test("a body that is too large rejects the reader, in text() too", async () => {
    const { body } = open();
    const text = new Request("http://a/", { method: "POST", body: body.stream }).text();
    body.push(pattern(10));
    body.fail(new BodyFailure(413));
    const error = (await failureOf(text)) as BodyFailure;
    expect([error.message, error.name, error.status]).toEqual([
      "Request body exceeded maxRequestBodySize",
      "Error",
      413,
    ]);
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

  test("after the end, a failure changes nothing", async () => {
    const { body } = open();
    body.push(pattern(3));
    body.end();
    body.fail(new BodyFailure(0));
    body.abandon();
    expect((await new Response(body.stream).bytes()).length).toBe(3);
  });
});

describe("a body nobody reads", () => {
  test("abandoned, it rejects later readers and lets the rest through", async () => {
    const { body, granted } = open();
    body.push(pattern(PIECE));
    body.abandon();
    body.abandon();
    const before = granted();
    body.push(pattern(PIECE));
    body.push(pattern(PIECE));
    expect(granted() - before).toBe(2 * PIECE);
    body.end();
    const error = await failureOf(body.stream.getReader().read());
    expect([error.name, error.message]).toEqual(["AbortError", "The connection was closed."]);
  });

  test("cancelled by its reader, the rest is let through", async () => {
    const { body, granted } = open();
    const reader = body.stream.getReader();
    await reader.cancel();
    const before = granted();
    body.push(pattern(PIECE));
    expect(granted() - before).toBe(PIECE);
    body.end();
    expect((await reader.read()).done).toBe(true);
  });

  // Reason: `abandon` grants nothing by itself, and with no credit left no piece comes that it could grant for.
  test("cancelled while the window is used up, the client can go on", async () => {
    const { body, granted } = open();
    for (let sent = 0; sent < BODY_WINDOW; sent += PIECE) body.push(pattern(PIECE));
    await body.stream.cancel();
    expect(granted()).toBeGreaterThan(BODY_WINDOW);
  });
});
