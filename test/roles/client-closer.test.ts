import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { close } from "../../ffi/calls.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { ABORT } from "../../src/channel/messages.ts";
import { TimerWheel } from "../../src/net/timer-wheel.ts";
import { AnswerWriter } from "../../src/roles/answer-writer.ts";
import {
  CLIENT_CLOSED,
  CLIENT_LINGERING,
  CLIENT_OPEN,
  type Client,
  TASK_GIVEN,
  TASK_OVER,
  TASK_WAITING,
  Task,
} from "../../src/roles/client.ts";
import { ClientCloser } from "../../src/roles/client-closer.ts";
import { ClientTable } from "../../src/roles/client-table.ts";
import { Deadlines, LINGER_MS } from "../../src/roles/deadlines.ts";
import {
  counterBlock,
  counterBytes,
  DISPATCHER_COUNTERS,
  DispatcherCounter,
} from "../../src/shm/counters.ts";
import { LinkPair } from "../channel/link-pair.ts";
import { SocketPair } from "../net/raw-client.ts";
import { fdCount } from "../support/process-info.ts";
import { Peer } from "./peer.ts";

const NOW_MS = 5000;

let pair: LinkPair<Task>;
let table: ClientTable;
let wheel: TimerWheel<Client>;
let counters: Float64Array;
let closer: ClientCloser;
let client: Client;
let peer: Peer;
let events: string[];
let retries: (() => boolean)[];
let descriptors: number;

beforeEach(async () => {
  descriptors = fdCount();
  const sockets = await SocketPair.open();
  peer = new Peer(sockets.client);
  pair = new LinkPair<Task>();
  table = new ClientTable();
  wheel = new TimerWheel<Client>(0);
  counters = counterBlock(new SharedArrayBuffer(counterBytes(DISPATCHER_COUNTERS)), 0, DISPATCHER_COUNTERS);
  events = [];
  retries = [];
  const deadlines = new Deadlines(wheel, 10_000);
  const unused = (): void => {};
  const writer = new AnswerWriter(
    {
      answered: unused,
      broken: unused,
      finished: unused,
      over: unused,
      drained: unused,
      progressed: unused,
      blocked: unused,
      list: unused,
      retryLater: unused,
    },
    counters,
  );
  const owner = {
    nowMs: NOW_MS,
    over: (task: Task): void => {
      task.state = TASK_OVER;
      events.push(`over ${task.sequence}`);
    },
    dropWaiting: (task: Task): void => {
      events.push(`dropped ${task.sequence}`);
    },
    list: (): void => {
      events.push("listed");
    },
    retryLater: (retry: () => boolean): void => {
      retries.push(retry);
    },
  };
  closer = new ClientCloser(owner, table, wheel, deadlines, writer, counters);
  client = table.open(sockets.server, Int32Array.of(0, 0, 0, 0, 0));
  deadlines.opened(client, NOW_MS);
  deadlines.keep(client);
  client.isReadable = false;
});
afterEach(() => {
  if (client.fd >= 0) close(client.fd);
  peer.close();
  expect(fdCount()).toBe(descriptors);
});

function ask(state: number): Task {
  const task = new Task(client, client.answers.assign());
  client.tasks.push(task);
  task.state = state;
  return task;
}

/** A request that a handler has, started or not. */
function given(isStarted: boolean): Task {
  const task = ask(TASK_GIVEN);
  task.link = pair.dispatcher;
  task.entry = isStarted ? pair.start(task).entry : pair.give(task);
  return task;
}

/** Values of the ABORT messages that the handler gets, by entry. */
function aborts(): [entry: number, value: number][] {
  pair.dispatcher.flush();
  return pair
    .readTasks()
    .filter(({ kind }) => kind === ABORT)
    .map(({ entry, bytes }) => [entry, bytes.readInt32LE()]);
}

const isGone = () =>
  [client.state, client.fd, table.count, wheel.size, client.held, client.tasks.length].join() ===
  [CLIENT_CLOSED, -1, 0, 0, null, 0].join();

describe("close", () => {
  test("gives back fd, slot and deadline, once", async () => {
    const { slot, generation } = client;
    client.held = NativeBuffer.allocate(1);
    closer.close(client);
    closer.close(client);
    closer.reset(client);
    closer.end(client);
    expect([isGone(), await peer.stateSoon("end"), table.find(slot, generation)]).toEqual([
      true,
      "end",
      null,
    ]);
    expect(counters[DispatcherCounter.clientsClosed]).toBe(1);
  });

  test("does not touch the fd that the kernel gives its number to next", async () => {
    closer.close(client);
    const next = await SocketPair.open();
    closer.close(client);
    const other = new Peer(next.client);
    expect(other.state).toBe("open");
    next.close();
  });

  test("ends its requests wherever they are", () => {
    const waiting = ask(TASK_WAITING);
    const queued = given(false);
    const over = ask(TASK_OVER);
    closer.close(client);
    expect(events).toEqual([
      `dropped ${waiting.sequence}`,
      `over ${waiting.sequence}`,
      `over ${queued.sequence}`,
    ]);
    // Taken back before its handler has met it: nothing is to be told.
    expect([aborts(), pair.dispatcher.taskOf(queued.entry, 1), over.state]).toEqual([[], null, TASK_OVER]);
  });

  test("tells a handler that has started, at the latest when its ring has room", () => {
    const task = given(true);
    while (pair.dispatcher.credit(task.entry, 1));
    closer.close(client);
    expect([task.state, retries.length, retries[0]()]).toEqual([TASK_OVER, 1, false]);
    expect(aborts()).toEqual([]);
    expect(retries[0]()).toBe(true);
    expect(aborts()).toEqual([[task.entry, 0]]);
  });

  test("does not tell one whose answer has come meanwhile", () => {
    const task = given(true);
    while (pair.dispatcher.credit(task.entry, 1));
    closer.close(client);
    pair.dispatcher.finish(task.entry);
    aborts();
    expect([retries[0](), aborts()]).toEqual([true, []]);
  });
});

test("reset shows the peer that the answer is not whole", async () => {
  closer.reset(client);
  expect([isGone(), await peer.stateSoon("reset")]).toEqual([true, "reset"]);
});

test("an fd that never became a client is closed", async () => {
  const sockets = await SocketPair.open();
  closer.closeUntaken(sockets.server);
  const other = new Peer(sockets.client);
  expect([other.state, table.count]).toEqual(["end", 1]);
  other.close();
});

describe("end", () => {
  test("of a client that has sent nothing more closes at once", async () => {
    closer.end(client);
    expect([isGone(), await peer.stateSoon("end")]).toEqual([true, "end"]);
  });

  test.each(["mustLinger", "isReadable"] as const)(
    "with input that may be unread (%s) the peer can read to the end",
    async (why) => {
      client[why] = true;
      peer.send("unread");
      const task = given(true);
      closer.end(client);
      expect([client.state, await peer.stateSoon("end"), wheel.size]).toEqual([CLIENT_LINGERING, "end", 1]);
      // A plain close would have reset the connection by now.
      peer.send("more");
      expect(peer.state).toBe("end");
      expect([client.deadlineMs, client.isDropping]).toEqual([NOW_MS + LINGER_MS, true]);
      // Requests behind the last answer are over.
      expect([task.state, client.tasks, aborts()]).toEqual([TASK_OVER, [], [[task.entry, 0]]]);
      expect(events.includes("listed")).toBe(why === "isReadable");
      closer.end(client);
      expect(client.state).toBe(CLIENT_LINGERING);
      closer.close(client);
      expect(isGone()).toBe(true);
    },
  );

  test("of a client whose input is over closes at once", () => {
    client.mustLinger = true;
    client.isInputOver = true;
    closer.end(client);
    expect(isGone()).toBe(true);
  });

  test("of a client that has left closes too", async () => {
    client.mustLinger = true;
    peer.close(true);
    await Bun.sleep(1);
    closer.end(client);
    expect(isGone()).toBe(true);
  });
});

describe("a client that has closed its half", () => {
  test("has its handlers told, once; those that wait for one are told when they have it", () => {
    const [started, queued, waiting] = [given(true), given(false), ask(TASK_WAITING)];
    closer.halfClosed(client);
    closer.halfClosed(client);
    expect(aborts()).toEqual([
      [started.entry, 1],
      [queued.entry, 1],
    ]);
    expect([client.state, client.isToldOfHalf, waiting.state, events]).toEqual([
      CLIENT_OPEN,
      true,
      TASK_WAITING,
      [],
    ]);
  });
});

test("what is queued for a client comes back when it is closed", () => {
  const task = given(true);
  const bytes = Buffer.alloc(100_000);
  pair.handler.answer(task.entry, 1, "", bytes, 0, bytes.length, 0);
  const [{ block }] = pair.readResults(true);
  const free = pair.dispatcher.slab.countFree();
  client.answers.push(task.sequence, {
    owner: NativeBuffer.allocate(1),
    fileFd: -1,
    at: 0,
    length: bytes.length,
    block,
    blocks: 1,
    link: pair.dispatcher,
    task,
    closes: false,
  });
  closer.close(client);
  expect(pair.dispatcher.slab.countFree()).toBe(free + 1);
});
