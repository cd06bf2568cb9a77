import { beforeEach, describe, expect, test } from "bun:test";
import { BODY, BODY_FAILED, BODY_RECORD_BYTES, LAST, TASK } from "../../src/channel/messages.ts";
import { Client, TASK_GIVEN, TASK_OVER, TASK_WAITING, Task } from "../../src/roles/client.ts";
import { Upload } from "../../src/roles/upload.ts";
import { UploadSender } from "../../src/roles/upload-sender.ts";
import { LinkPair, type Message, pattern } from "../channel/link-pair.ts";

let pair: LinkPair<Task>;
let task: Task;
let upload: Upload;
let sender: UploadSender;
let retries: (() => boolean)[];
let resumed: number;

beforeEach(() => {
  pair = new LinkPair<Task>();
  task = new Task(new Client(0, 0, -1), 0);
  upload = new Upload();
  task.upload = upload;
  retries = [];
  resumed = 0;
  sender = new UploadSender({
    retryLater: (retry) => retries.push(retry),
    resumed: () => resumed++,
  });
  const { entry } = pair.start(task);
  task.link = pair.dispatcher;
  task.entry = entry;
  task.state = TASK_GIVEN;
});

/** What the handler gets. */
function received(): Message[] {
  pair.dispatcher.flush();
  return pair.readTasks().filter(({ kind }) => kind !== TASK);
}

const bytesOf = (messages: readonly Message[]) => Buffer.concat(messages.map(({ bytes }) => bytes));

describe("credit", () => {
  test("nothing is sent without, and exactly as much as there is with it", () => {
    const body = pattern(50_000);
    sender.push(task, body, 0, 50_000);
    expect(received()).toEqual([]);
    sender.credit(task, 1000);
    const first = received();
    expect(bytesOf(first).equals(body.subarray(0, 1000))).toBe(true);
    sender.credit(task, 40_000);
    sender.complete(task);
    const second = received();
    expect(bytesOf(second).length).toBe(40_000);
    sender.credit(task, 1_000_000);
    const third = received();
    expect(Buffer.concat([bytesOf(first), bytesOf(second), bytesOf(third)]).equals(body)).toBe(true);
    expect(third.at(-1)!.flags).toBe(LAST);
    expect([...first, ...second].some(({ flags }) => (flags & LAST) !== 0)).toBe(false);
  });

  test("long pieces are split into records, the source is free at once", () => {
    sender.credit(task, 1_000_000);
    const source = pattern(100_000, 3);
    sender.push(task, source, 100, 60_100);
    source.fill(0);
    sender.complete(task);
    const messages = received();
    expect(bytesOf(messages).equals(pattern(100_000, 3).subarray(100, 60_100))).toBe(true);
    expect(Math.max(...messages.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(BODY_RECORD_BYTES);
  });
});

describe("the end", () => {
  const lasts = (messages: readonly Message[]) =>
    messages.filter(({ kind, flags }) => kind === BODY && (flags & LAST) !== 0).length;

  test("is sent once: with the last bytes, alone behind them, or for an empty body", () => {
    sender.credit(task, 100);
    sender.push(task, pattern(10), 0, 10);
    sender.complete(task);
    sender.credit(task, 100);
    sender.complete(task);
    const messages = received();
    expect([lasts(messages), bytesOf(messages).length]).toEqual([1, 10]);
  });

  test("follows when the body fills the credit exactly", () => {
    sender.credit(task, 10);
    sender.push(task, pattern(10), 0, 10);
    sender.complete(task);
    let messages = received();
    if (lasts(messages) === 0) {
      sender.credit(task, 1);
      messages = received();
    }
    expect(lasts(messages)).toBe(1);
  });

  test("of an empty body comes with the first credit", () => {
    sender.complete(task);
    expect(received()).toEqual([]);
    sender.credit(task, 100);
    expect(received().map(({ kind, flags, bytes }) => [kind, flags, bytes.length])).toEqual([
      [BODY, LAST, 0],
    ]);
  });
});

describe("back-pressure", () => {
  test("a client is not read while anything waits, and is again when all of it has moved on", () => {
    expect(sender.isFull(task)).toBe(false);
    sender.push(task, pattern(1), 0, 1);
    expect([sender.isFull(task), resumed]).toEqual([true, 0]);
    for (let index = 0; index < 3; index++) sender.push(task, pattern(20_000), 0, 20_000);
    sender.credit(task, 1000);
    expect([sender.isFull(task), resumed]).toEqual([true, 0]);
    sender.credit(task, 59_000);
    expect([sender.isFull(task), resumed]).toEqual([true, 0]);
    sender.credit(task, 1);
    expect([sender.isFull(task), resumed, upload.pieceBytes]).toEqual([false, 1, 0]);
  });

  test("with credit nothing waits: bytes go from the receive buffer into the ring", () => {
    sender.credit(task, 100_000);
    const source = pattern(100_000);
    sender.push(task, source, 0, 100_000);
    expect([sender.isFull(task), upload.pieces.length, upload.credit]).toEqual([false, 0, 0]);
    source.fill(0);
    expect(bytesOf(received()).equals(pattern(100_000))).toBe(true);
  });

  test("what exceeds the credit waits, and nothing overtakes it", () => {
    sender.credit(task, 40_000);
    const body = pattern(60_000);
    sender.push(task, body, 0, 50_000);
    expect([upload.pieceBytes, upload.credit]).toEqual([10_000, 0]);
    sender.push(task, body, 50_000, 60_000);
    sender.credit(task, 5000);
    sender.credit(task, 15_000);
    expect(bytesOf(received()).equals(body)).toBe(true);
    expect([sender.isFull(task), resumed]).toEqual([false, 1]);
  });

  test("nothing is sent to a handler that the task has not been given to", () => {
    task.state = TASK_WAITING;
    upload.credit = 1000;
    sender.push(task, pattern(100), 0, 100);
    expect([sender.isFull(task), received()]).toEqual([true, []]);
  });

  test("a full ring: what is left follows when there is room, in order", () => {
    const body = pattern(600_000);
    sender.credit(task, 10_000_000);
    for (let at = 0; at < body.length; at += 60_000) sender.push(task, body, at, at + 60_000);
    sender.complete(task);
    expect([sender.isFull(task), retries.length > 0]).toEqual([true, true]);
    const parts: Buffer[] = [];
    const messages: Message[] = [];
    for (let turn = 0; turn < 20; turn++) {
      const batch = received();
      messages.push(...batch);
      parts.push(bytesOf(batch));
      retries = retries.filter((retry) => !retry());
    }
    expect(Buffer.concat(parts).equals(body)).toBe(true);
    expect([messages.at(-1)!.flags, retries.length, resumed]).toEqual([LAST, 0, 1]);
  });
});

describe("failure", () => {
  test("is told once, instead of what waits, and nothing follows", () => {
    sender.push(task, pattern(100), 0, 100);
    sender.fail(task, 413);
    sender.fail(task, 0);
    sender.credit(task, 1000);
    sender.push(task, pattern(100), 0, 100);
    sender.complete(task);
    const messages = received();
    expect(messages.map(({ kind, bytes }) => [kind, bytes.readInt32LE()])).toEqual([[BODY_FAILED, 413]]);
    expect(sender.isFull(task)).toBe(false);
  });

  test("waits for room in a full ring", () => {
    while (pair.dispatcher.sendBody(task.entry, pattern(16_000), 0, 16_000, false));
    while (pair.dispatcher.credit(task.entry, 1));
    sender.fail(task, 0);
    expect(retries.map((retry) => retry())).toEqual([false]);
    received();
    expect(retries.map((retry) => retry())).toEqual([true]);
    expect(received().map(({ kind }) => kind)).toEqual([BODY_FAILED]);
  });

  test("of a task that waits for a handler is told when it has one", () => {
    task.state = TASK_WAITING;
    sender.fail(task, 413);
    expect(received()).toEqual([]);
    task.state = TASK_GIVEN;
    sender.credit(task, 1000);
    expect(received().map(({ kind }) => kind)).toEqual([BODY_FAILED]);
  });
});

describe("a task that is answered", () => {
  test("lets the rest through: nothing is kept, nothing sent, its client is read again", () => {
    sender.push(task, pattern(100_000), 0, 100_000);
    expect(sender.isFull(task)).toBe(true);
    sender.close(task);
    sender.close(task);
    expect([sender.isFull(task), resumed, upload.pieceBytes]).toEqual([false, 1, 0]);
    sender.push(task, pattern(100_000), 0, 100_000);
    sender.credit(task, 1000);
    sender.complete(task);
    expect([sender.isFull(task), received()]).toEqual([false, []]);
  });

  test("and over keeps nothing either", () => {
    task.state = TASK_OVER;
    sender.push(task, pattern(100), 0, 100);
    expect(upload.pieceBytes).toBe(0);
  });

  test("a task without a streamed body is left alone", () => {
    task.upload = null;
    sender.push(task, pattern(1), 0, 1);
    sender.complete(task);
    sender.fail(task, 400);
    sender.credit(task, 1);
    sender.close(task);
    expect([sender.isFull(task), received()]).toEqual([false, []]);
  });
});
