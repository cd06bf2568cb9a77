import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { ANSWER_PIECE_BYTES, ANSWER_WINDOW, CLOSE, CREDIT, FIRST, LAST } from "../../src/channel/messages.ts";
import { SLAB_BLOCKS } from "../../src/channel/pair-memory.ts";
import { resetSocket } from "../../src/net/stream-socket.ts";
import { TASK_OVER } from "../../src/roles/client.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { pattern } from "../channel/link-pair.ts";
import { Answering } from "./answering.ts";

let run: Answering;
beforeEach(async () => {
  run = await Answering.open();
});
afterEach(() => run.close());

describe("one answer", () => {
  test("goes out at once and ends the request", async () => {
    const given = run.give();
    given.answer("head ", Buffer.from("body"), FIRST | LAST);
    run.turn();
    expect((await run.peerReadAll(9)).toString()).toBe("head body");
    expect([run.events, run.client.answers.isIdle, run.pair.dispatcher.open]).toEqual([
      ["answered 0"],
      true,
      0,
    ]);
    expect(run.counters[DispatcherCounter.bytesSent]).toBe(9);
  });

  test("that closes ends the client after its last byte", async () => {
    run.give().answer("bye", null, FIRST | LAST | CLOSE);
    run.turn();
    expect((await run.peerReadAll(3)).toString()).toBe("bye");
    expect(run.events).toEqual(["answered 0", "finished"]);
  });

  test("is counted for as long as it waits for the socket", async () => {
    run.client.isWritable = false;
    run.give().answer("", pattern(60_000), FIRST | LAST);
    run.turn();
    expect([run.client.queuedBytes, run.client.answerBytes]).toEqual([60_000, 60_000]);
    run.client.isWritable = true;
    run.writer.flush(run.client);
    expect([(await run.peerReadAll(60_000)).length, run.client.queuedBytes]).toEqual([60_000, 0]);
    run.client.isWritable = false;
    run.give().answer("x", null, FIRST | LAST);
    run.turn();
    expect(run.client.answerBytes).toBe(1);
    run.writer.drop(run.client);
    expect(run.client.queuedBytes).toBe(0);
  });

  test("in a block: the block is free again", async () => {
    run.give().answer("", pattern(60_000), FIRST | LAST);
    run.turn();
    expect((await run.peerReadAll(60_000)).equals(pattern(60_000))).toBe(true);
    expect(run.pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
  });

  test("of a request that is over is dropped, its block freed", () => {
    const given = run.give();
    given.task.state = TASK_OVER;
    given.answer("", pattern(60_000), FIRST | LAST);
    run.turn();
    expect([run.peerRead().length, run.pair.dispatcher.slab.countFree(), run.pair.dispatcher.open]).toEqual([
      0,
      SLAB_BLOCKS,
      0,
    ]);
  });

  test("that comes when its entry has another task is dropped, its block freed", () => {
    const first = run.give();
    first.answer("one", null, FIRST | LAST);
    run.turn();
    run.give();
    first.answer("", pattern(60_000), LAST);
    run.turn();
    expect([run.peerRead().toString(), run.pair.dispatcher.slab.countFree()]).toEqual(["one", SLAB_BLOCKS]);
  });
});

describe("several answers", () => {
  test("leave in the order of the requests, whoever is first", async () => {
    const given = Array.from({ length: 5 }, () => run.give());
    for (const index of [3, 1, 4]) given[index].answer(`[${index}]`, null, FIRST | LAST);
    run.turn();
    expect(run.peerRead().length).toBe(0);
    given[0].answer("[0]", null, FIRST | LAST);
    run.turn();
    expect((await run.peerReadAll(6)).toString()).toBe("[0][1]");
    given[2].answer("[2", null, FIRST);
    run.turn();
    given[2].answer("]", null, LAST);
    run.turn();
    expect((await run.peerReadAll(9)).toString()).toBe("[2][3][4]");
  });

  test("ready together are one send of them all", async () => {
    const given = Array.from({ length: 40 }, () => run.give());
    for (const { task, answer } of given) answer(`<${task.sequence}>`, null, FIRST | LAST);
    run.turn();
    const expected = given.map(({ task }) => `<${task.sequence}>`).join("");
    expect((await run.peerReadAll(expected.length)).toString()).toBe(expected);
  });

  test("behind one that closes are not sent", async () => {
    const [first, second, third] = [run.give(), run.give(), run.give()];
    third.answer("third", null, FIRST | LAST);
    second.answer("second", null, FIRST | LAST | CLOSE);
    first.answer("first ", null, FIRST | LAST);
    run.turn();
    await Bun.sleep(2);
    expect(run.peerRead().toString()).toBe("first second");
    expect(run.events.filter((event) => event === "finished").length).toBe(1);
  });

  test("the server's own stand in line with them", async () => {
    const first = run.give();
    const sequence = run.client.answers.assign();
    run.writer.reply(run.client, sequence, NativeBuffer.cString("own"), true);
    run.client.answers.finish(sequence);
    run.turn();
    expect(run.peerRead().length).toBe(0);
    first.answer("handler's ", null, FIRST | LAST);
    run.turn();
    expect((await run.peerReadAll(14)).toString()).toBe("handler's own\0");
    expect(run.events).toContain("finished");
  });
});

describe("a slow client", () => {
  beforeEach(async () => {
    run.close();
    run = await Answering.open(true);
  });

  test("gets all of it in order; its handler gets credit for what left", async () => {
    const given = run.give();
    const body = pattern(1_000_000);
    for (let at = 0; at < body.length; at += ANSWER_PIECE_BYTES) {
      given.answer("", body.subarray(at, Math.min(body.length, at + ANSWER_PIECE_BYTES)), 0);
    }
    run.turn();
    expect(run.client.isWritable).toBe(false);
    expect((await run.peerReadAll(body.length)).equals(body)).toBe(true);
    run.pair.dispatcher.flush();
    const credit = run.pair
      .readTasks()
      .filter(({ kind }) => kind === CREDIT)
      .reduce((sum, { bytes }) => sum + bytes.readInt32LE(), 0);
    // A rest is not told that is small beside the window.
    expect(credit).toBeGreaterThan(body.length - ANSWER_WINDOW / 8);
    expect(credit).toBeLessThanOrEqual(body.length);
    given.answer("end", null, LAST);
    run.turn();
    expect((await run.peerReadAll(3)).toString()).toBe("end");
    expect([run.pair.dispatcher.slab.countFree(), run.events]).toEqual([SLAB_BLOCKS, ["answered 0"]]);
  });

  test("that leaves gives its blocks back", () => {
    const given = run.give();
    for (let index = 0; index < 6; index++) given.answer("", pattern(60_000), 0);
    run.turn();
    expect(run.pair.dispatcher.slab.countFree()).toBeLessThan(SLAB_BLOCKS);
    run.writer.drop(run.client);
    expect(run.pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
  });

  test("is closed after the last byte, also when the mark comes with that", async () => {
    const given = run.give();
    given.answer("", pattern(65_000), FIRST);
    given.answer("", pattern(65_000, 1), LAST | CLOSE);
    run.turn();
    expect(run.events).toEqual(["answered 0"]);
    expect((await run.peerReadAll(130_000)).length).toBe(130_000);
    expect(run.events).toEqual(["answered 0", "finished"]);
  });

  // Reason: `#answer` queues nothing for an empty last piece, so its CLOSE is lost while earlier pieces wait. Only
  // streams to HTTP/1.0 end with an empty piece, and their clients are closed for another reason.
  test("is closed after the last byte when the mark comes alone", async () => {
    const given = run.give();
    given.answer("", pattern(65_000), FIRST);
    given.answer("", null, LAST | CLOSE);
    run.turn();
    await run.peerReadAll(65_000);
    expect(run.events).toContain("finished");
  });
});

test("a peer that is gone breaks the client once, its blocks come back", async () => {
  const [first, second] = [run.give(), run.give()];
  run.closePeer(resetSocket);
  await Bun.sleep(1);
  second.answer("", pattern(60_000), FIRST | LAST);
  first.answer("x", null, FIRST | LAST);
  run.turn();
  run.turn();
  expect(run.events.filter((event) => event === "broken").length).toBe(1);
  expect(run.pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
});

test("a run of blocks is free again after an answer of the longest piece, sent or dropped", async () => {
  const [first, second] = [run.give(), run.give()];
  second.answer("", pattern(ANSWER_PIECE_BYTES, 1), FIRST | LAST);
  first.answer("", pattern(ANSWER_PIECE_BYTES), FIRST | LAST);
  run.turn();
  const bytes = await run.peerReadAll(2 * ANSWER_PIECE_BYTES);
  expect(bytes.equals(Buffer.concat([pattern(ANSWER_PIECE_BYTES), pattern(ANSWER_PIECE_BYTES, 1)]))).toBe(
    true,
  );
  expect(run.pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
  const third = run.give();
  third.task.state = TASK_OVER;
  third.answer("", pattern(ANSWER_PIECE_BYTES), FIRST | LAST);
  run.turn();
  expect([run.peerRead().length, run.pair.dispatcher.slab.countFree()]).toEqual([0, SLAB_BLOCKS]);
});
