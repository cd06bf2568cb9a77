import { expect, test } from "bun:test";
import { ControlBlock } from "../../src/shm/control-block.ts";
import { ServerWords } from "../../src/shm/server-words.ts";
import { SERVER_CLOSED, SERVER_DRAINING, SERVER_RUNNING } from "../../src/shm/states.ts";

test("what one view says another sees, and wishes are taken once", () => {
  const memory = new SharedArrayBuffer(ControlBlock.bytes(1, 1));
  const main = new ControlBlock(memory, 1, 1);
  const thread = new ServerWords(memory);
  expect([thread.serverState, main.takeStopRequest()]).toEqual([SERVER_RUNNING, SERVER_RUNNING]);
  thread.requestStop(SERVER_DRAINING);
  thread.requestStop(SERVER_CLOSED);
  expect([main.takeStopRequest(), main.takeStopRequest()]).toEqual([SERVER_CLOSED, SERVER_RUNNING]);
  thread.requestReload();
  expect([main.takeReloadRequest(), main.takeReloadRequest()]).toEqual([true, false]);
  main.serverState = SERVER_DRAINING;
  main.replaceRoutes();
  thread.endAcceptor();
  expect([thread.serverState, thread.areRoutesReplaced, main.isAcceptorEnded]).toEqual([
    SERVER_DRAINING,
    true,
    true,
  ]);
});

test("who accepts is said to all", () => {
  const memory = new SharedArrayBuffer(ControlBlock.bytes(1, 1));
  const words = new ServerWords(memory);
  expect(words.doDispatchersAccept).toBe(false);
  new ServerWords(memory).letDispatchersAccept(true);
  expect(words.doDispatchersAccept).toBe(true);
  words.letDispatchersAccept(false);
  expect(words.doDispatchersAccept).toBe(false);
});

function make(): { main: ControlBlock; thread: ServerWords } {
  const memory = new SharedArrayBuffer(ControlBlock.bytes(1, 1));
  return { main: new ControlBlock(memory, 1, 1), thread: new ServerWords(memory) };
}

test("the acceptor begins, or main takes its place: one of the two, whoever comes first", () => {
  const begun = make();
  expect([begun.main.hasAcceptorBegun, begun.thread.startAcceptor(), begun.main.claimAcceptor()]).toEqual([
    false,
    true,
    false,
  ]);
  // A successor of one that has died begins again.
  expect([begun.thread.startAcceptor(), begun.main.hasAcceptorBegun]).toEqual([true, true]);
  const claimed = make();
  expect([
    claimed.main.claimAcceptor(),
    claimed.thread.startAcceptor(),
    claimed.main.claimAcceptor(),
  ]).toEqual([true, false, false]);
  claimed.main.endAcceptor();
  expect([claimed.main.isAcceptorEnded, claimed.thread.startAcceptor()]).toEqual([true, false]);
});
