import { beforeEach, describe, expect, test } from "bun:test";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { NEED_DATA, RequestParser } from "../../src/http/request-parser.ts";
import {
  CLIENT_CLOSED,
  CLIENT_ENDING,
  CLIENT_LINGERING,
  CLIENT_OPEN,
  Client,
  TASK_COLLECTING,
  Task,
} from "../../src/roles/client.ts";

let client: Client;
beforeEach(() => {
  client = new Client(3, 7, -1);
  client.parser = new RequestParser(DEFAULT_LIMITS);
});

/** Bytes that the parser has not consumed; they are shown to it again in front of the next ones. */
let rest: Buffer;
beforeEach(() => {
  rest = Buffer.alloc(0);
});

function parse(text: string): void {
  const head = new RequestHead(DEFAULT_LIMITS);
  const bytes = Buffer.concat([rest, Buffer.from(text, "latin1")]);
  let position = 0;
  for (;;) {
    const event = client.parser.next(bytes, position, bytes.length, head);
    position = client.parser.position;
    if (event === NEED_DATA) break;
    if (client.parser.error !== null) throw new Error(`no request: ${client.parser.error.status}`);
  }
  rest = bytes.subarray(position);
}

function ask(): Task {
  const task = new Task(client, client.answers.assign());
  client.tasks.push(task);
  return task;
}

describe("a client is idle", () => {
  test("at its start, and after all its answers are out", () => {
    expect(client.isIdle).toBe(true);
    const task = ask();
    expect(client.isIdle).toBe(false);
    client.forget(task);
    // Its answer is complete but for the end.
    expect(client.isIdle).toBe(false);
    client.answers.finish(task.sequence);
    expect(client.isIdle).toBe(true);
  });

  test("not with part of a head, a body that is arriving, or bytes that are held", () => {
    parse("GET / HT");
    expect(client.isIdle).toBe(false);
    parse("TP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
    expect(client.isIdle).toBe(false);
    parse("abc");
    expect(client.isIdle).toBe(true);
    client.held = NativeBuffer.allocate(8);
    expect(client.isIdle).toBe(false);
  });

  test("not while bytes of an answer wait, although that is complete", () => {
    const task = ask();
    const segment = { at: 0, length: 1 } as never;
    client.answers.push(task.sequence, segment);
    client.answers.finish(task.sequence);
    client.forget(task);
    expect(client.isIdle).toBe(false);
    client.answers.shift();
    expect(client.isIdle).toBe(true);
  });
});

test("a client that is to read no more ends, and forgets what it held", () => {
  client.held = NativeBuffer.allocate(8);
  client.mustParse = true;
  client.stopReading();
  const { state, held, mustParse } = client as Client;
  expect({ state, held, mustParse }).toEqual({ state: CLIENT_ENDING, held: null, mustParse: false });
});

test("one that is further on than that stays there", () => {
  for (const state of [CLIENT_LINGERING, CLIENT_CLOSED]) {
    client.state = state;
    client.stopReading();
    expect(client.state).toBe(state);
  }
});

test("states follow each other: later ones compare greater", () => {
  expect([CLIENT_OPEN, CLIENT_ENDING, CLIENT_LINGERING, CLIENT_CLOSED]).toEqual([0, 1, 2, 3]);
});

test("tasks are forgotten in any order, once, and others' are left alone", () => {
  const tasks = [ask(), ask(), ask(), ask()];
  client.forget(tasks[3]);
  client.forget(tasks[1]);
  client.forget(tasks[1]);
  client.forget(new Task(client, 99));
  expect(client.tasks).toEqual([tasks[0], tasks[2]]);
  client.forget(tasks[2]);
  client.forget(tasks[0]);
  client.forget(tasks[0]);
  expect(client.tasks).toEqual([]);
});

test("a new client is in no timer wheel and in no list; a new task has no handler", () => {
  expect([client.wheelBucket, client.deadlineMs, client.isListed, client.isDirty]).toEqual([
    -1,
    Number.POSITIVE_INFINITY,
    false,
    false,
  ]);
  const task = new Task(client, 5);
  expect([task.state, task.link, task.entry, task.record, task.upload, task.sequence]).toEqual([
    TASK_COLLECTING,
    null,
    -1,
    null,
    null,
    5,
  ]);
});

test("an idle client holds no buffer", () => {
  parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect([client.held, client.tasks, client.receiving, client.arriving]).toEqual([null, [], null, null]);
});
