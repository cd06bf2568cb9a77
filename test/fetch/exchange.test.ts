import { describe, expect, test } from "bun:test";
import {
  ANSWER_PIECE_BYTES,
  ANSWER_WINDOW,
  CLOSE,
  FIRST,
  IN_MEMORY,
  LAST,
  OWNED,
  STREAM_WINDOW,
} from "../../src/channel/messages.ts";
import { closedError } from "../../src/fetch/exchange.ts";
import { IncomingBody } from "../../src/fetch/incoming-body.ts";
import { pattern } from "../channel/link-pair.ts";
import { GET, makeExchange, type Recorder } from "./recorder.ts";

describe("an answer that is given whole", () => {
  test.each([0, 1, 65_000, ANSWER_PIECE_BYTES - 4])("of %d bytes leaves at once in one piece", (length) => {
    const { exchange, recorder } = makeExchange(GET);
    const body = length === 0 ? null : pattern(length);
    exchange.answer("head", body, CLOSE);
    expect(recorder.pieces.length).toBe(1);
    expect(recorder.pieces[0].flags).toBe(FIRST | LAST | CLOSE);
    expect(recorder.bytes.equals(Buffer.concat([Buffer.from("head"), pattern(length)]))).toBe(true);
    expect([exchange.isDone, exchange.view]).toEqual([true, null]);
  });

  test.each([1000, ANSWER_PIECE_BYTES - 4, 1 << 20])(
    "of %d bytes frees memory that is its own, once it is sent",
    (length) => {
      const { exchange, recorder } = makeExchange(GET);
      const body = pattern(length);
      const own = new Uint8Array(body);
      const kept = new Uint8Array(body);
      exchange.answer("head", own, CLOSE | OWNED);
      while (!exchange.isDone) exchange.addCredit(ANSWER_WINDOW);
      expect(recorder.bytes.equals(Buffer.concat([Buffer.from("head"), body]))).toBe(true);
      expect(own.buffer.byteLength).toBe(0);
      makeExchange(GET).exchange.answer("head", kept, CLOSE);
      expect(kept.buffer.byteLength).toBe(length);
    },
  );

  test("to a client that leaves frees it too", () => {
    const { exchange } = makeExchange(GET);
    const own = new Uint8Array(4 << 20);
    exchange.answer("head", own, OWNED);
    expect(own.buffer.byteLength).toBe(4 << 20);
    exchange.abort();
    expect(own.buffer.byteLength).toBe(0);
  });

  test("of 10 MB is never ahead of the client by more than the window and a piece", () => {
    const { exchange, recorder } = makeExchange(GET);
    const body = pattern(10 << 20);
    let credited = 0;
    let received = 0;
    exchange.answer("head", body, CLOSE);
    const parts: Buffer[] = [];
    while (!exchange.isDone) {
      expect(recorder.pieces.length).toBeGreaterThan(0);
      for (const piece of recorder.pieces.splice(0)) {
        expect(piece.flags).toBe(parts.length === 0 ? FIRST | IN_MEMORY : 0);
        expect(piece.bytes.length).toBeLessThanOrEqual(ANSWER_PIECE_BYTES);
        parts.push(piece.bytes);
        received += piece.bytes.length;
      }
      expect(received - credited).toBeLessThanOrEqual(ANSWER_WINDOW + ANSWER_PIECE_BYTES);
      // The least that brings another piece whatever the last one has overdrawn.
      credited += ANSWER_PIECE_BYTES;
      exchange.addCredit(ANSWER_PIECE_BYTES);
    }
    expect(recorder.pieces.at(-1)!.flags).toBe(LAST | CLOSE);
    parts.push(...recorder.pieces.map((piece) => piece.bytes));
    const all = Buffer.concat(parts);
    expect(all.toString("latin1", 0, 4)).toBe("head");
    expect(all.subarray(4).equals(body)).toBe(true);
  });

  test("with a head longer than a piece may be", () => {
    for (const length of [16 * 1024, 16 * 1024 + 1, 70_000, 300_000]) {
      for (const body of [null, pattern(100_000)]) {
        const { exchange, recorder } = makeExchange(GET);
        const head = "\xe4".repeat(length);
        exchange.answer(head, body, 0);
        exchange.addCredit(1 << 20);
        expect(recorder.isWellFormed).toBe(true);
        expect(Math.max(...recorder.pieces.map((piece) => piece.bytes.length))).toBeLessThanOrEqual(
          ANSWER_PIECE_BYTES,
        );
        const expected = Buffer.concat([Buffer.from(head, "latin1"), body ?? Buffer.alloc(0)]);
        expect(recorder.bytes.equals(expected)).toBe(true);
      }
    }
  });

  test("only the first counts", () => {
    const { exchange, recorder } = makeExchange(GET);
    exchange.answer("one", null, 0);
    exchange.answer("two", null, 0);
    exchange.write("three", null, LAST);
    exchange.cut();
    exchange.abort();
    expect([recorder.bytes.toString(), recorder.cuts]).toEqual(["one", 0]);
  });
});

describe("an answer in parts", () => {
  test("long parts are split, flags stay at the ends", () => {
    const { exchange, recorder } = makeExchange(GET);
    exchange.write("head", pattern(150_000), FIRST);
    exchange.write("", pattern(10, 1), 0);
    exchange.write("tail", pattern(70_000, 2), LAST | CLOSE);
    expect(recorder.isWellFormed).toBe(true);
    expect(Math.max(...recorder.pieces.map((piece) => piece.bytes.length))).toBeLessThanOrEqual(
      ANSWER_PIECE_BYTES,
    );
    const expected = Buffer.concat([
      Buffer.from("head"),
      pattern(150_000),
      pattern(10, 1),
      Buffer.from("tail"),
      pattern(70_000, 2),
    ]);
    expect(recorder.bytes.equals(expected)).toBe(true);
    expect([recorder.pieces.at(-1)!.flags, exchange.isDone]).toEqual([LAST | CLOSE, true]);
  });

  test("a head longer than a piece may be is split too", () => {
    for (const part of [null, pattern(1000)]) {
      const { exchange, recorder } = makeExchange(GET);
      exchange.write("\xe4".repeat(100_000), part, FIRST | LAST);
      expect(recorder.isWellFormed).toBe(true);
      expect(recorder.pieces.every(({ bytes }) => bytes.length <= ANSWER_PIECE_BYTES)).toBe(true);
      const expected = Buffer.concat([Buffer.alloc(100_000, 0xe4), part ?? Buffer.alloc(0)]);
      expect(recorder.bytes.equals(expected)).toBe(true);
    }
  });

  test("credit is awaited while the window is used up", async () => {
    const { exchange } = makeExchange(GET);
    expect(exchange.hasCredit).toBe(true);
    await exchange.credit();
    for (let sent = 0; sent < STREAM_WINDOW; sent += 64_000) exchange.write("", pattern(64_000), 0);
    expect(exchange.hasCredit).toBe(false);
    let isResolved = false;
    const waiting = exchange.credit().then(() => {
      isResolved = true;
    });
    exchange.addCredit(1);
    await Bun.sleep(1);
    expect(isResolved).toBe(false);
    exchange.addCredit(100_000);
    await waiting;
    expect(exchange.hasCredit).toBe(true);
  });

  test("a client that takes it fast gets more of it at once, and all of it", () => {
    const { exchange, recorder } = makeExchange(GET);
    const piece = pattern(64 * 1024);
    let sent = 0;
    let taken = 0;
    const fill = (): number => {
      for (; exchange.hasCredit; sent += piece.length) exchange.write("", piece, sent === 0 ? FIRST : 0);
      return sent - taken;
    };
    expect(fill()).toBe(STREAM_WINDOW);
    // Some MiB do in general; the machine may do something else meanwhile.
    while (fill() < ANSWER_WINDOW && taken < 1 << 28) {
      taken += piece.length;
      exchange.addCredit(piece.length);
    }
    expect([sent - taken, taken >= 4 << 20]).toEqual([ANSWER_WINDOW, true]);
    exchange.write("", piece, LAST);
    expect(exchange.isDone).toBe(true);
    expect(recorder.pieces.every(({ bytes }) => bytes.equals(piece))).toBe(true);
    expect(recorder.pieces.length).toBe(sent / piece.length + 1);
  });

  test("a wait for credit ends when the client leaves, and when the answer is cut", async () => {
    for (const end of ["abort", "cut"] as const) {
      const { exchange } = makeExchange(GET);
      exchange.write("", pattern(2 * ANSWER_WINDOW), FIRST);
      const waiting = exchange.credit();
      exchange[end]();
      await waiting;
      await exchange.credit();
    }
  });

  test("cut is told once and ends it", () => {
    const { exchange, recorder } = makeExchange(GET);
    exchange.keep();
    exchange.write("head", null, FIRST);
    exchange.cut();
    exchange.cut();
    exchange.write("more", null, LAST);
    expect([recorder.cuts, recorder.bytes.toString(), exchange.isDone]).toEqual([1, "head", true]);
    expect(recorder.released).toEqual([exchange]);
  });
});

describe("when the client leaves", () => {
  test("the signal aborts as Bun.serve's does, the dispatcher is told, answers are dropped", () => {
    const { exchange, recorder } = makeExchange(GET);
    exchange.keep();
    const reasons: unknown[] = [];
    const doneInCallback: boolean[] = [];
    exchange.signal.addEventListener("abort", () => {
      reasons.push(exchange.signal.reason);
      doneInCallback.push(exchange.isDone);
    });
    let stops = 0;
    exchange.onAbort = () => stops++;
    exchange.abort();
    exchange.abort();
    exchange.answer("late", null, 0);
    expect([recorder.cuts, recorder.pieces.length, stops, ...doneInCallback]).toEqual([1, 0, 1, true]);
    const [reason] = reasons as DOMException[];
    expect([reason.name, reason.code, reason.message]).toEqual([
      "AbortError",
      20,
      "The connection was closed.",
    ]);
    expect(recorder.released).toEqual([exchange]);
  });

  test("a signal that is asked for afterwards is aborted already", () => {
    const { exchange } = makeExchange(GET);
    exchange.abort();
    expect([exchange.signal.aborted, exchange.signal.reason.name]).toEqual([true, "AbortError"]);
  });

  test("a signal is one object, and does not abort after an answer", () => {
    const { exchange } = makeExchange(GET);
    const signal = exchange.signal;
    exchange.answer("x", null, 0);
    exchange.abort();
    exchange.halfClose();
    expect([exchange.signal === signal, signal.aborted]).toEqual([true, false]);
  });

  test("in the middle of a long answer, no more of it is sent", () => {
    const { exchange, recorder } = makeExchange(GET);
    exchange.answer("", pattern(2 << 20), 0);
    const count = recorder.pieces.length;
    exchange.abort();
    exchange.addCredit(1 << 20);
    expect([recorder.pieces.length, recorder.isComplete, recorder.cuts]).toEqual([count, false, 1]);
  });

  test("a body that is arriving fails with the same reason", async () => {
    const { exchange, recorder } = makeExchange(GET);
    const body = new IncomingBody(recorder, 5, 77, -1);
    exchange.body = body;
    const read = body.stream.getReader().read();
    exchange.abort();
    const error = await read.then(
      () => null,
      (reason) => reason,
    );
    expect([error.name, error.message]).toEqual([closedError().name, closedError().message]);
  });
});

describe("when the client closes its half", () => {
  test("the signal aborts and the answer is still sent", () => {
    const { exchange, recorder } = makeExchange(GET);
    const signal = exchange.signal;
    exchange.halfClose();
    expect([signal.aborted, exchange.isAborted, exchange.isDone]).toEqual([true, true, false]);
    exchange.answer("still", null, 0);
    expect([recorder.bytes.toString(), recorder.isComplete, recorder.cuts]).toEqual(["still", true, 0]);
  });

  test("an answer that is being produced is cancelled", () => {
    const { exchange, recorder } = makeExchange(GET);
    let stops = 0;
    exchange.onAbort = () => stops++;
    exchange.halfClose();
    expect([stops, recorder.cuts, exchange.isDone, exchange.signal.aborted]).toEqual([1, 1, true, true]);
  });
});

describe("an answer from a file", () => {
  test("is given to the sink as it is, once, and ends the exchange", () => {
    const { exchange, recorder } = makeExchange(GET);
    exchange.keep();
    exchange.answerFile("head", 9, 100, 5000, CLOSE);
    expect(recorder.fileAnswers).toEqual([{ head: "head", fd: 9, offset: 100, length: 5000, flags: CLOSE }]);
    expect([exchange.isDone, exchange.view, recorder.released]).toEqual([true, null, [exchange]]);
    exchange.answer("more", null, 0);
    exchange.abort();
    expect([recorder.pieces, recorder.cuts, recorder.fileAnswers.length]).toEqual([[], 0, 1]);
  });
});

describe("keeping", () => {
  test("an exchange that is kept does not depend on its record, and is released once, at its end", () => {
    const { exchange, recorder } = makeExchange("POST /x HTTP/1.1\r\nHost: a\r\n\r\n");
    exchange.keep();
    recorder.record.fill(0xff);
    const view = exchange.view!;
    expect(view.bytes.toString("latin1", view.targetStart, view.targetEnd)).toBe("/x");
    expect(recorder.released).toEqual([]);
    exchange.answer("a", pattern(2 * ANSWER_WINDOW), 0);
    expect(recorder.released.length).toBe(0);
    exchange.addCredit(2 * ANSWER_WINDOW);
    expect(recorder.released).toEqual([exchange]);
  });

  test("an exchange that was never kept is not released", () => {
    const { exchange, recorder } = makeExchange(GET);
    exchange.answer("a", null, 0);
    expect(recorder.released).toEqual([]);
  });
});

test("a head that travels with the body, to a sink that takes whole answers: memory is freed once, by the sink", () => {
  const pieces: [length: number, flags: number][] = [];
  const { exchange, recorder } = makeExchange(GET);
  const freed: Uint8Array[] = [];
  const sink = Object.assign(Object.create(recorder) as Recorder, {
    takesWhole: true,
    answer(
      _entry: number,
      _serial: number,
      head: string,
      body: Uint8Array,
      start: number,
      end: number,
      flags: number,
    ) {
      pieces.push([head.length + end - start, flags]);
      if ((flags & OWNED) === 0) return;
      freed.push(body);
      // As when it was sent at once.
      (body.buffer as ArrayBuffer).transfer(0);
    },
  });
  Object.defineProperty(recorder, "sink", { value: sink });
  const head = `HTTP/1.1 200 OK\r\nx-long: ${"x".repeat(20_000)}\r\n\r\n`;
  exchange.answer(head, new Uint8Array(100_000), OWNED);
  expect(pieces).toEqual([[head.length + 100_000, FIRST | LAST | IN_MEMORY | OWNED]]);
  expect([exchange.isDone, freed.length]).toEqual([true, 1]);
});
