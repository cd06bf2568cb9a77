import { beforeAll, describe, expect, spyOn, test } from "bun:test";
import { ANSWER_PIECE_BYTES, STREAM_WINDOW } from "../../src/channel/messages.ts";
import { sendResponse } from "../../src/fetch/answer.ts";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { drainTo, GET, makeExchange } from "./recorder.ts";

beforeAll(installResponseNotes);

const OLD = "GET / HTTP/1.0\r\n\r\n";

function start(response: Response, text = GET) {
  const { exchange, recorder } = makeExchange(text);
  sendResponse(exchange, response, (error) => {
    throw error;
  });
  exchange.keep();
  return { exchange, recorder };
}

async function finish(response: Response, text = GET) {
  const { exchange, recorder } = start(response, text);
  await Promise.race([drainTo(exchange, recorder), Bun.sleep(3000)]);
  expect([exchange.isDone, recorder.isWellFormed, recorder.released.length]).toEqual([true, true, 1]);
  return recorder;
}

/** A stream of pieces, each given in a macrotask of its own. */
function slowly(pieces: readonly (string | Uint8Array)[]): ReadableStream {
  const rest = [...pieces];
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(1);
      const piece = rest.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
}

describe("framing", () => {
  test("one large piece that is all there is goes with its length; with more to come it does not", async () => {
    const large = new Uint8Array(300_000).fill(97);
    const framing = async (body: ReadableStream) => {
      const answer = (await finish(new Response(body))).read();
      return [answer.field("content-length"), answer.content?.length];
    };
    const whole = new ReadableStream({
      start(controller) {
        controller.enqueue(large);
        controller.close();
      },
    });
    expect(await framing(whole)).toEqual(["300000", 300_000]);
    expect(await framing(slowly([large]))).toEqual([undefined, 300_000]);
    const two = new ReadableStream({
      start(controller) {
        for (const piece of [large, large]) controller.enqueue(piece);
        controller.close();
      },
    });
    expect((await framing(two))[1]).toBe(600_000);
  });

  test("a stream that has ended before its first flush has a length and no type", async () => {
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue("ab");
        controller.enqueue(new TextEncoder().encode("c"));
        controller.close();
      },
    });
    const recorder = await finish(new Response(stream));
    const answer = recorder.read();
    expect([answer.field("content-length"), answer.field("content-type"), answer.content]).toEqual([
      "3",
      undefined,
      "abc",
    ]);
    expect(recorder.pieces.length).toBe(1);
  });

  test("others are chunked", async () => {
    const answer = (await finish(new Response(slowly(["a", "bc", "", "def"])))).read();
    expect([answer.field("transfer-encoding"), answer.field("content-length")]).toEqual([
      "chunked",
      undefined,
    ]);
    expect(answer.content).toBe("abcdef");
  });

  test("an empty one is complete", async () => {
    expect((await finish(new Response(slowly([])))).read().content).toBe("");
  });

  test("to HTTP/1.0 the connection's end is the end", async () => {
    const recorder = await finish(new Response(slowly(["a", "b"])), OLD);
    const answer = recorder.read();
    expect([answer.field("transfer-encoding"), answer.content, recorder.closes]).toEqual([
      undefined,
      "ab",
      true,
    ]);
  });

  test("the user's fields and a Connection: close are kept", async () => {
    const init = { status: 203, headers: { "X-A": "1", Connection: "close" } };
    const recorder = await finish(new Response(slowly(["a"]), init));
    expect([recorder.read().field("x-a"), recorder.closes]).toEqual(["1", true]);
  });

  // Reason: a piece that was waited for is sent alone, before those that came with it are looked for.
  test("pieces that are there together leave together", async () => {
    const stream = new ReadableStream({
      async start(controller) {
        await Bun.sleep(1);
        for (const piece of ["AAA", "BBB", "CCC"]) controller.enqueue(piece);
        await Bun.sleep(1);
        controller.close();
      },
    });
    expect((await finish(new Response(stream))).read().body.toString()).toBe("9\r\nAAABBBCCC\r\n0\r\n\r\n");
  });
});

describe("sources", () => {
  test("generators, byte streams and direct streams", async () => {
    const generator = async function* () {
      yield "a";
      await Bun.sleep(1);
      yield new TextEncoder().encode("b");
    };
    const bytes = new ReadableStream({
      type: "bytes",
      async pull(controller) {
        await Bun.sleep(1);
        controller.enqueue(new TextEncoder().encode("ab"));
        controller.close();
      },
    });
    const direct = new ReadableStream({
      type: "direct",
      async pull(controller: { write(text: string): void; close(): void; flush(): void }) {
        controller.write("a");
        controller.flush();
        await Bun.sleep(1);
        controller.write("b");
        controller.close();
      },
    } as unknown as Bun.DirectUnderlyingSource);
    const bodies = [generator(), generator, bytes, direct] as unknown as Bun.BodyInit[];
    for (const body of bodies) expect((await finish(new Response(body))).read().content).toBe("ab");
  });

  test("strings in UTF-8, views by their part, buffers", async () => {
    const pieces = [
      "\u20ac",
      Buffer.from("xyx").subarray(1, 2),
      new Uint16Array([0x4241]),
      new Uint8Array([67]),
    ];
    const answer = (await finish(new Response(slowly(pieces as Uint8Array[])))).read();
    expect(Buffer.from(answer.content!, "latin1").toString()).toBe("\u20acyABC");
  });

  test("3 MB, in pieces longer than one message", async () => {
    const piece = "0123456789".repeat(15_000);
    const recorder = await finish(new Response(slowly(Array.from({ length: 20 }, () => piece))));
    expect(recorder.read().content === piece.repeat(20)).toBe(true);
    expect(Math.max(...recorder.pieces.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(
      ANSWER_PIECE_BYTES,
    );
  });
});

describe("a slow client", () => {
  test("holds the producer back", async () => {
    let produced = 0;
    const stream = new ReadableStream(
      {
        pull(controller) {
          controller.enqueue(new Uint8Array(16_384));
          produced += 16_384;
        },
      },
      { highWaterMark: 0 },
    );
    const { exchange } = start(new Response(stream));
    await Bun.sleep(20);
    const before = produced;
    expect(before).toBeGreaterThan(STREAM_WINDOW / 2);
    expect(before).toBeLessThan(STREAM_WINDOW + 3 * 65_536);
    await Bun.sleep(20);
    expect(produced).toBe(before);
    exchange.addCredit(1 << 20);
    await Bun.sleep(20);
    expect(produced).toBeGreaterThan(before + (1 << 19));
    exchange.abort();
  });
});

describe("an end before the end", () => {
  test("a client that leaves cancels the stream with the reason", async () => {
    const reasons: unknown[] = [];
    const stream = new ReadableStream({
      start: (controller) => controller.enqueue("first"),
      cancel: (reason) => {
        reasons.push(reason);
      },
    });
    const { exchange, recorder } = start(new Response(stream));
    await recorder.until(() => recorder.pieces.length > 0);
    exchange.abort();
    await Bun.sleep(1);
    expect((reasons[0] as Error).message).toBe("The connection was closed.");
    expect([recorder.cuts, recorder.isComplete]).toEqual([1, false]);
  });

  test("a client that leaves ends a generator through finally", async () => {
    let isFinished = false;
    const generator = async function* () {
      try {
        for (;;) {
          yield "tick";
          await Bun.sleep(1);
        }
      } finally {
        isFinished = true;
      }
    };
    const { exchange, recorder } = start(new Response(generator as unknown as Bun.BodyInit));
    await recorder.until(() => recorder.pieces.length > 1);
    exchange.abort();
    await recorder.until(() => isFinished);
    expect(recorder.isComplete).toBe(false);
  });

  test("a stream that fails is cut, so that the client can tell, and the error is printed", async () => {
    const print = spyOn(console, "error").mockImplementation(() => {});
    try {
      for (const isStarted of [true, false]) {
        const stream = new ReadableStream({
          async pull(controller) {
            await Bun.sleep(1);
            if (isStarted) controller.enqueue("part");
            await Bun.sleep(1);
            controller.error(new Error("no more"));
          },
        });
        const { exchange, recorder } = start(new Response(stream));
        await recorder.until(() => exchange.isDone);
        expect([recorder.cuts, recorder.isComplete]).toEqual([1, false]);
        expect((print.mock.lastCall![0] as Error).message).toBe("no more");
      }
    } finally {
      print.mockRestore();
    }
  });

  test("a piece that is neither string nor bytes is a mistake of the handler's", async () => {
    const print = spyOn(console, "error").mockImplementation(() => {});
    const { exchange, recorder } = start(new Response(slowly([5 as unknown as string])));
    await recorder.until(() => exchange.isDone);
    expect([recorder.cuts, (print.mock.lastCall![0] as Error).name]).toEqual([1, "TypeError"]);
    print.mockRestore();
  });
});
