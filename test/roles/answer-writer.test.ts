import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { close } from "../../ffi/calls.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { ANSWER_PIECE_BYTES, CLOSE, CREDIT, FIRST, LAST } from "../../src/channel/messages.ts";
import { SLAB_BLOCKS } from "../../src/channel/pair-memory.ts";
import { resetSocket } from "../../src/net/stream-socket.ts";
import { AnswerWriter } from "../../src/roles/answer-writer.ts";
import { CLIENT_CLOSED, Client, TASK_GIVEN, TASK_OVER, Task } from "../../src/roles/client.ts";
import {
  counterBlock,
  counterBytes,
  DISPATCHER_COUNTERS,
  DispatcherCounter,
} from "../../src/shm/counters.ts";
import { LinkPair, pattern } from "../channel/link-pair.ts";
import { SocketPair } from "../net/raw-client.ts";
import { receiveNow } from "./receive-now.ts";

let sockets: SocketPair;
let pair: LinkPair<Task>;
let client: Client;
let writer: AnswerWriter;
let events: string[];
let counters: Float64Array;

async function open(areBuffersSmall = false): Promise<void> {
  sockets = await SocketPair.open({ areBuffersSmall });
  pair = new LinkPair<Task>();
  client = new Client(0, 0, sockets.server);
  events = [];
  counters = counterBlock(new SharedArrayBuffer(counterBytes(DISPATCHER_COUNTERS)), 0, DISPATCHER_COUNTERS);
  writer = new AnswerWriter(
    {
      answered: (_client, task) => {
        task.state = TASK_OVER;
        events.push(`answered ${task.sequence}`);
      },
      broken: (broken) => {
        broken.state = CLIENT_CLOSED;
        writer.drop(broken);
        events.push("broken");
      },
      finished: () => events.push("finished"),
      over: (task) => Object.assign(task, { state: TASK_OVER }),
      drained: () => {},
      progressed: () => {},
      list: () => events.push("listed"),
      bodyCredit: (task, bytes) => events.push(`credit ${task.sequence} ${bytes}`),
      retryLater: () => events.push("retry"),
    },
    counters,
    [pair.dispatcher],
  );
}
beforeEach(() => open());
afterEach(() => sockets.close());

interface Given {
  readonly task: Task;
  answer(head: string, body: Buffer | null, flags: number): void;
  readonly serial: number;
}

/** A request of the client that a handler has started. */
function give(): Given {
  const task = new Task(client, client.answers.assign());
  client.tasks.push(task);
  const { entry, serial } = pair.start(task);
  task.link = pair.dispatcher;
  task.entry = entry;
  task.state = TASK_GIVEN;
  return {
    task,
    serial,
    answer: (head, body, flags) =>
      pair.handler.answer(entry, serial, head, body, 0, body?.length ?? 0, flags),
  };
}

function turn(): void {
  while (writer.collect(pair.dispatcher));
  writer.flushDirty();
  pair.handler.resume();
}

/** What the peer has got since the last call. */
const peerRead = (): Buffer => receiveNow(sockets.client);

/** Goes on until so many bytes have arrived, as the dispatcher does on EPOLLOUT. */
async function peerReadAll(length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let total = 0;
  for (let attempt = 0; total < length && attempt < 3000; attempt++) {
    const part = peerRead();
    total += part.length;
    parts.push(part);
    client.isWritable = true;
    turn();
    writer.flush(client);
    if (part.length === 0) await Bun.sleep(1);
  }
  return Buffer.concat(parts);
}

describe("one answer", () => {
  test("goes out at once and ends the request", async () => {
    const given = give();
    given.answer("head ", Buffer.from("body"), FIRST | LAST);
    turn();
    expect((await peerReadAll(9)).toString()).toBe("head body");
    expect([events, client.answers.isIdle, pair.dispatcher.open]).toEqual([["answered 0"], true, 0]);
    expect(counters[DispatcherCounter.bytesSent]).toBe(9);
  });

  test("that closes ends the client after its last byte", async () => {
    give().answer("bye", null, FIRST | LAST | CLOSE);
    turn();
    expect((await peerReadAll(3)).toString()).toBe("bye");
    expect(events).toEqual(["answered 0", "finished"]);
  });

  test("in a block: the block is free again", async () => {
    give().answer("", pattern(60_000), FIRST | LAST);
    turn();
    expect((await peerReadAll(60_000)).equals(pattern(60_000))).toBe(true);
    expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
  });

  test("of a request that is over is dropped, its block freed", () => {
    const given = give();
    given.task.state = TASK_OVER;
    given.answer("", pattern(60_000), FIRST | LAST);
    turn();
    expect([peerRead().length, pair.dispatcher.slab.countFree(), pair.dispatcher.open]).toEqual([
      0,
      SLAB_BLOCKS,
      0,
    ]);
  });

  test("that comes when its entry has another task is dropped, its block freed", () => {
    const first = give();
    first.answer("one", null, FIRST | LAST);
    turn();
    give();
    first.answer("", pattern(60_000), LAST);
    turn();
    expect([peerRead().toString(), pair.dispatcher.slab.countFree()]).toEqual(["one", SLAB_BLOCKS]);
  });
});

describe("several answers", () => {
  test("leave in the order of the requests, whoever is first", async () => {
    const given = Array.from({ length: 5 }, give);
    for (const index of [3, 1, 4]) given[index].answer(`[${index}]`, null, FIRST | LAST);
    turn();
    expect(peerRead().length).toBe(0);
    given[0].answer("[0]", null, FIRST | LAST);
    turn();
    expect((await peerReadAll(6)).toString()).toBe("[0][1]");
    given[2].answer("[2", null, FIRST);
    turn();
    given[2].answer("]", null, LAST);
    turn();
    expect((await peerReadAll(9)).toString()).toBe("[2][3][4]");
  });

  test("ready together are one send of them all", async () => {
    const given = Array.from({ length: 40 }, give);
    for (const { task, answer } of given) answer(`<${task.sequence}>`, null, FIRST | LAST);
    turn();
    const expected = given.map(({ task }) => `<${task.sequence}>`).join("");
    expect((await peerReadAll(expected.length)).toString()).toBe(expected);
  });

  test("behind one that closes are not sent", async () => {
    const [first, second, third] = [give(), give(), give()];
    third.answer("third", null, FIRST | LAST);
    second.answer("second", null, FIRST | LAST | CLOSE);
    first.answer("first ", null, FIRST | LAST);
    turn();
    await Bun.sleep(2);
    expect(peerRead().toString()).toBe("first second");
    expect(events.filter((event) => event === "finished").length).toBe(1);
  });

  test("the server's own stand in line with them", async () => {
    const first = give();
    const sequence = client.answers.assign();
    writer.reply(client, sequence, NativeBuffer.cString("own"), true);
    client.answers.finish(sequence);
    turn();
    expect(peerRead().length).toBe(0);
    first.answer("handler's ", null, FIRST | LAST);
    turn();
    expect((await peerReadAll(14)).toString()).toBe("handler's own\0");
    expect(events).toContain("finished");
  });
});

describe("a slow client", () => {
  beforeEach(async () => {
    sockets.close();
    await open(true);
  });

  test("gets all of it in order; its handler gets credit for what left", async () => {
    const given = give();
    const body = pattern(1_000_000);
    for (let at = 0; at < body.length; at += ANSWER_PIECE_BYTES) {
      given.answer("", body.subarray(at, Math.min(body.length, at + ANSWER_PIECE_BYTES)), 0);
    }
    turn();
    expect(client.isWritable).toBe(false);
    expect((await peerReadAll(body.length)).equals(body)).toBe(true);
    pair.dispatcher.flush();
    const credit = pair
      .readTasks()
      .filter(({ kind }) => kind === CREDIT)
      .reduce((sum, { bytes }) => sum + bytes.readInt32LE(), 0);
    // A small rest is not told.
    expect(credit).toBeGreaterThan(body.length - 40_000);
    expect(credit).toBeLessThanOrEqual(body.length);
    given.answer("end", null, LAST);
    turn();
    expect((await peerReadAll(3)).toString()).toBe("end");
    expect([pair.dispatcher.slab.countFree(), events]).toEqual([SLAB_BLOCKS, ["answered 0"]]);
  });

  test("that leaves gives its blocks back", () => {
    const given = give();
    for (let index = 0; index < 6; index++) given.answer("", pattern(60_000), 0);
    turn();
    expect(pair.dispatcher.slab.countFree()).toBeLessThan(SLAB_BLOCKS);
    writer.drop(client);
    expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
  });

  test("is closed after the last byte, also when the mark comes with that", async () => {
    const given = give();
    given.answer("", pattern(65_000), FIRST);
    given.answer("", pattern(65_000, 1), LAST | CLOSE);
    turn();
    expect(events).toEqual(["answered 0"]);
    expect((await peerReadAll(130_000)).length).toBe(130_000);
    expect(events).toEqual(["answered 0", "finished"]);
  });

  // Reason: `#answer` queues nothing for an empty last piece, so its CLOSE is lost while earlier pieces wait. Only
  // streams to HTTP/1.0 end with an empty piece, and their clients are closed for another reason.
  test("is closed after the last byte when the mark comes alone", async () => {
    const given = give();
    given.answer("", pattern(65_000), FIRST);
    given.answer("", null, LAST | CLOSE);
    turn();
    await peerReadAll(65_000);
    expect(events).toContain("finished");
  });
});

describe("messages", () => {
  test("a cut resets the client and frees the entry", () => {
    const given = give();
    given.answer("half", null, FIRST);
    pair.handler.cut(given.task.entry, given.serial);
    turn();
    expect([events, given.task.state, pair.dispatcher.open]).toEqual([["broken"], TASK_OVER, 0]);
  });

  test("a cut that confirms an abort touches no client", () => {
    const given = give();
    given.task.state = TASK_OVER;
    pair.handler.cut(given.task.entry, given.serial);
    turn();
    expect([events, pair.dispatcher.open]).toEqual([[], 0]);
  });

  test("body credit and the idle timeout reach task and client", () => {
    const given = give();
    pair.handler.creditBody(given.task.entry, given.serial, 5000);
    pair.handler.setIdleTimeout(given.task.entry, given.serial, 7);
    turn();
    expect([events, client.idleTimeoutMs]).toEqual([["credit 0 5000"], 7000]);
  });

  test("a peer that is gone breaks the client once, its blocks come back", async () => {
    const [first, second] = [give(), give()];
    resetSocket(sockets.client);
    await Bun.sleep(1);
    second.answer("", pattern(60_000), FIRST | LAST);
    first.answer("x", null, FIRST | LAST);
    turn();
    turn();
    expect(events.filter((event) => event === "broken").length).toBe(1);
    expect(pair.dispatcher.slab.countFree()).toBe(SLAB_BLOCKS);
    close(sockets.server);
    sockets = await SocketPair.open();
  });
});
