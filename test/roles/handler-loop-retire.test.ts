/** How a handler's loop ends. */
import { expect, test } from "bun:test";
import { DispatcherLink } from "../../src/channel/dispatcher-link.ts";
import { HandlerLink } from "../../src/channel/handler-link.ts";
import type { FetchHandler } from "../../src/fetch/registration.ts";
import { HandlerRuntime } from "../../src/fetch/runtime.ts";
import { HandlerLoop } from "../../src/roles/handler-loop.ts";
import { allocateServerMemory, controlOf, handlerCounters, pairOf } from "../../src/roles/server-memory.ts";
import { HANDLER_EMPTY, HANDLER_READY, HANDLER_RETIRING } from "../../src/shm/control-block.ts";
import { PEER, PEER_INDEX, parseRequest } from "../channel/link-pair.ts";

function open(fetch: (request: Request) => unknown) {
  const memory = allocateServerMemory(1, 1);
  const control = controlOf(memory);
  control.moveHandler(0, HANDLER_EMPTY, HANDLER_READY);
  const pair = pairOf(memory, 0, 0);
  const dispatcher = new DispatcherLink<object>(0, pair, control.handlerParker(0));
  const handler = new HandlerLink(pair, control.dispatcherParker(0), () => {});
  const runtime = new HandlerRuntime({
    fetch: fetch as FetchHandler,
    error: null,
    isDevelopment: false,
    server: {},
    routes: [],
    responder: null,
  });
  const state = { retired: 0 };
  const loop = new HandlerLoop(control, 0, [handler], runtime, handlerCounters(memory, 0), () => {
    state.retired++;
  });
  const give = (path: string): void => {
    const { head, bytes, headStart, bodyStart } = parseRequest(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    dispatcher.give({}, head, bytes, headStart, bodyStart, 0, 0, PEER, PEER_INDEX);
    dispatcher.flush();
  };
  const retire = (): void => {
    control.moveHandler(0, HANDLER_READY, HANDLER_RETIRING);
    dispatcher.wake();
  };
  return { loop, state, give, retire, dispatcher };
}

test("an idle one retires when it is asked to, once", async () => {
  const { loop, state, retire, give, dispatcher } = open(() => new Response());
  loop.start();
  expect(state.retired).toBe(0);
  retire();
  await Bun.sleep(5);
  expect(state.retired).toBe(1);
  give("/late");
  await Bun.sleep(5);
  expect([state.retired, dispatcher.queued]).toEqual([1, 1]);
});

test("one with open requests retires when the last is answered", async () => {
  const answers = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()];
  let next = 0;
  const { loop, state, retire, give } = open(() => answers[next++].promise);
  loop.start();
  give("/a");
  give("/b");
  await Bun.sleep(5);
  retire();
  await Bun.sleep(5);
  answers[0].resolve(new Response());
  await Bun.sleep(5);
  expect([state.retired, loop.openRequests]).toEqual([0, 1]);
  answers[1].resolve(new Response());
  await Bun.sleep(5);
  expect([state.retired, loop.openRequests]).toEqual([1, 0]);
});

test("a stopped one takes no further tasks and does not retire", async () => {
  const { loop, state, retire, give, dispatcher } = open(() => new Response());
  loop.start();
  loop.stop();
  give("/late");
  retire();
  await Bun.sleep(5);
  expect([state.retired, dispatcher.queued]).toEqual([0, 1]);
});

test("one that runs a task does not retire under it", async () => {
  const first = Promise.withResolvers<Response>();
  const last = Promise.withResolvers<Response>();
  const { loop, state, retire, give } = open((request) => {
    if (request.url.endsWith("/first")) return first.promise;
    // Answers the other request, which is the only one that counts as open, and goes on waiting.
    first.resolve(new Response());
    return last.promise;
  });
  loop.start();
  give("/first");
  await Bun.sleep(5);
  give("/last");
  retire();
  await Bun.sleep(5);
  const retiredEarly = state.retired;
  last.resolve(new Response());
  await Bun.sleep(5);
  loop.stop();
  expect([retiredEarly, state.retired]).toEqual([0, 1]);
});
