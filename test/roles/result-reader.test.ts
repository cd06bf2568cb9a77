import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readlinkSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { close, open } from "../../ffi/calls.ts";
import { O_CLOEXEC, O_RDONLY } from "../../ffi/constants.ts";
import { check } from "../../ffi/errno.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { CLOSE, FIRST, HEAVY, LAST, LIGHT, QUICK } from "../../src/channel/messages.ts";
import { SLAB_BLOCKS } from "../../src/channel/pair-memory.ts";
import { resetSocket } from "../../src/net/stream-socket.ts";
import { CLIENT_CLOSED, CLIENT_LINGERING, TASK_OVER } from "../../src/roles/client.ts";
import { DispatcherCounter } from "../../src/shm/counters.ts";
import { pattern } from "../channel/link-pair.ts";
import { Answering } from "./answering.ts";

let run: Answering;
beforeEach(async () => {
  run = await Answering.open();
});
afterEach(() => run.close());

describe("messages", () => {
  test("a cut resets the client and frees the entry", () => {
    const given = run.give();
    given.answer("half", null, FIRST);
    run.pair.handler.cut(given.task.entry, given.serial);
    run.turn();
    expect([run.events, given.task.state, run.pair.dispatcher.open]).toEqual([["broken"], TASK_OVER, 0]);
  });

  test("a cut that confirms an abort touches no client", () => {
    const given = run.give();
    given.task.state = TASK_OVER;
    run.pair.handler.cut(given.task.entry, given.serial);
    run.turn();
    expect([run.events, run.pair.dispatcher.open]).toEqual([[], 0]);
  });

  test("body credit and the idle timeout reach task and client", () => {
    const given = run.give();
    run.pair.handler.creditBody(given.task.entry, given.serial, 5000);
    run.pair.handler.setIdleTimeout(given.task.entry, given.serial, 7);
    run.turn();
    expect([run.events, run.client.idleTimeoutMs]).toEqual([["credit 0 5000"], 7000]);
  });

  test("answers say at which pace their handlers have run, where that is asked", () => {
    const paces = [QUICK, HEAVY, LIGHT, LIGHT | HEAVY, 0];
    for (const pace of paces) {
      const given = run.give();
      given.task.kind = 1;
      given.answer("one", null, FIRST | LAST | pace);
      run.turn();
    }
    run.give().answer("not asked", null, FIRST | LAST | QUICK);
    run.turn();
    expect(run.paces).toEqual(paces);
  });

  test("that come when their entry has another task are dropped, blocks are freed", () => {
    const first = run.give();
    first.answer("one", null, FIRST | LAST);
    run.turn();
    const second = run.give();
    expect(second.task.entry).toBe(first.task.entry);
    run.pair.handler.creditBody(first.task.entry, first.serial, 5000);
    run.pair.handler.setIdleTimeout(first.task.entry, first.serial, 7);
    run.pair.handler.cut(first.task.entry, first.serial);
    first.answer("", pattern(100_000), LAST);
    run.turn();
    expect([run.events, run.client.idleTimeoutMs, run.pair.dispatcher.open]).toEqual([["answered 0"], -1, 1]);
    expect([run.peerRead().toString(), run.pair.dispatcher.slab.countFree()]).toEqual(["one", SLAB_BLOCKS]);
  });

  test("are read up to a budget in a turn, and counted", () => {
    const { handler, dispatcher } = run.pair;
    const { task, serial } = run.give();
    for (let count = 0; count < 1000; count++) handler.creditBody(task.entry, serial, 1);
    expect([run.results.collect(dispatcher), run.events.length < 1000]).toEqual([true, true]);
    while (run.results.collect(dispatcher));
    expect([run.events.length, run.counters[DispatcherCounter.resultsReceived]]).toEqual([1000, 1000]);
    expect(run.results.collect(dispatcher)).toBe(false);
  });

  test("read make room for a handler that waits for it", () => {
    const { handler } = run.pair;
    const { task, serial } = run.give();
    const parker = run.pair.control.handlerParker(0);
    parker.announce();
    let sent = 0;
    for (; handler.resume(); sent++) handler.creditBody(task.entry, serial, 1);
    run.turn();
    expect(parker.isAsleep).toBe(false);
    run.turn();
    expect(run.events.length).toBe(sent);
  });
});

describe("an answer from a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "epollo-result-"));
  const path = join(folder, "file");
  afterEach(() => rmSync(path, { force: true }));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

  function openFile(content: Buffer): number {
    writeFileSync(path, content);
    const name = NativeBuffer.cString(path);
    return check("open", open(name.address, O_RDONLY | O_CLOEXEC, 0));
  }

  function isOpen(fd: number): boolean {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  }

  test("goes out behind its head, from its offset, and the file is closed", async () => {
    const given = run.give();
    const content = pattern(300_000);
    const fd = openFile(content);
    given.answerFile("head ", fd, 1000, 250_000, 0);
    run.turn();
    expect([run.pair.dispatcher.open, run.events]).toEqual([0, ["answered 0"]]);
    const bytes = await run.peerReadAll(250_005);
    expect(bytes.toString("latin1", 0, 5)).toBe("head ");
    expect(bytes.subarray(5).equals(content.subarray(1000, 251_000))).toBe(true);
    expect([isOpen(fd), run.client.answers.isIdle]).toEqual([false, true]);
    expect(run.counters[DispatcherCounter.bytesSent]).toBe(250_005);
    expect(run.events.filter((event) => event !== "listed")).toEqual(["answered 0"]);
  });

  test.each([0, 1])("of %d bytes that closes ends the client after its last byte", async (length) => {
    const fd = openFile(pattern(10));
    run.give().answerFile("head", fd, 0, length, CLOSE);
    run.turn();
    expect((await run.peerReadAll(4 + length)).length).toBe(4 + length);
    expect([run.events, isOpen(fd)]).toEqual([["answered 0", "finished"], false]);
  });

  test("waits for its turn among other answers", async () => {
    const given = Array.from({ length: 3 }, () => run.give());
    const fd = openFile(pattern(70_000));
    given[2].answer("[2]", null, FIRST | LAST);
    given[1].answerFile("[1]", fd, 0, 70_000, 0);
    run.turn();
    expect([run.peerRead().length, isOpen(fd)]).toEqual([0, true]);
    given[0].answer("[0]", null, FIRST | LAST);
    run.turn();
    const bytes = await run.peerReadAll(70_009);
    const expected = Buffer.concat([Buffer.from("[0][1]"), pattern(70_000), Buffer.from("[2]")]);
    expect([bytes.equals(expected), isOpen(fd)]).toEqual([true, false]);
  });

  test("reaches a slow client whole", async () => {
    run.close();
    run = await Answering.open(true);
    const content = pattern(2_000_000, 3);
    const fd = openFile(content);
    run.give().answerFile("head", fd, 0, content.length, 0);
    run.turn();
    expect([run.client.isWritable, isOpen(fd)]).toEqual([false, true]);
    const bytes = await run.peerReadAll(content.length + 4);
    expect([bytes.subarray(4).equals(content), isOpen(fd)]).toEqual([true, false]);
  });

  test("that became shorter resets the client: it must not take a part for the whole", async () => {
    const fd = openFile(pattern(50_000));
    truncateSync(path, 20_000);
    run.give().answerFile("head", fd, 0, 50_000, 0);
    run.turn();
    for (let turn = 0; turn < 5; turn++) {
      run.turn();
      run.writer.flush(run.client);
    }
    expect([run.events.at(-1), run.client.state, isOpen(fd)]).toEqual(["broken", CLIENT_CLOSED, false]);
  });

  test("nobody waits for is closed: over, lingering, gone, or of an entry used again", () => {
    const over = run.give();
    over.task.state = TASK_OVER;
    const overFile = openFile(pattern(10));
    over.answerFile("x", overFile, 0, 10, 0);
    run.turn();
    expect([isOpen(overFile), run.events, run.pair.dispatcher.open]).toEqual([false, [], 0]);

    const former = run.give();
    former.answer("one", null, FIRST | LAST);
    run.turn();
    run.give();
    const formerFile = openFile(pattern(10));
    former.answerFile("x", formerFile, 0, 10, 0);
    run.turn();
    expect([isOpen(formerFile), run.pair.dispatcher.open]).toEqual([false, 1]);

    for (const state of [CLIENT_LINGERING, CLIENT_CLOSED]) {
      const given = run.give();
      run.client.state = state;
      const file = openFile(pattern(10));
      given.answerFile("x", file, 0, 10, 0);
      run.turn();
      expect([isOpen(file), given.task.state, run.pair.dispatcher.open]).toEqual([false, TASK_OVER, 1]);
    }
  });

  test("is closed when its client leaves before it was sent", async () => {
    const given = [run.give(), run.give()];
    const fd = openFile(pattern(10));
    given[1].answerFile("x", fd, 0, 10, 0);
    run.turn();
    expect(isOpen(fd)).toBe(true);
    run.closePeer(resetSocket);
    await Bun.sleep(1);
    given[0].answer("y", null, FIRST | LAST);
    run.turn();
    run.turn();
    expect([run.events.filter((event) => event === "broken").length, isOpen(fd)]).toEqual([1, false]);
  });

  test("waits in the handler when the ring has no room, and is then sent once", async () => {
    const given = run.give();
    const { handler } = run.pair;
    while (handler.resume()) handler.creditBody(given.task.entry, given.serial, 1);
    const fd = openFile(pattern(10));
    given.answerFile("head", fd, 0, 10, CLOSE);
    for (let turn = 0; turn < 10; turn++) run.turn();
    expect((await run.peerReadAll(14)).subarray(4).equals(pattern(10))).toBe(true);
    expect([run.events.at(-1), isOpen(fd)]).toEqual(["finished", false]);
  });
});

test("an fd that is given away is closed once, not a second time", () => {
  // Closing an fd twice closes somebody else's file; the kernel gives the lowest free number to the next one.
  const given = run.give();
  const name = NativeBuffer.cString("/dev/null");
  const fd = check("open", open(name.address, O_RDONLY | O_CLOEXEC, 0));
  given.answerFile("head", fd, 0, 0, 0);
  run.turn();
  const next = check("open", open(name.address, O_RDONLY | O_CLOEXEC, 0));
  run.writer.drop(run.client);
  run.turn();
  expect([next, readlinkSync(`/proc/self/fd/${next}`)]).toEqual([fd, "/dev/null"]);
  close(next);
});
