import { expect, test } from "bun:test";
import { DispatcherLink } from "../../src/channel/dispatcher-link.ts";
import { HandlerLink } from "../../src/channel/handler-link.ts";
import { PAIR_BYTES } from "../../src/channel/pair-memory.ts";
import { runningRequest } from "../../src/channel/running-request.ts";
import { Parker } from "../../src/shm/parker.ts";
import { PEER, PEER_INDEX, parseRequest } from "./link-pair.ts";

test("names the last request that was started and whose record is still there, without its query", () => {
  const memory = new Uint8Array(new SharedArrayBuffer(PAIR_BYTES));
  const parker = new Parker(new SharedArrayBuffer(128), 0);
  const dispatcher = new DispatcherLink<object>(0, memory, parker);
  const handler = new HandlerLink(memory, parker, () => {});
  const give = (line: string): void => {
    const { head, bytes, headStart, bodyStart, bodyBytes } = parseRequest(
      `${line} HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    dispatcher.give({}, head, bytes, headStart, bodyStart, bodyBytes, 0, PEER, PEER_INDEX);
    dispatcher.flush();
  };
  expect(runningRequest(memory)).toBeNull();
  give("GET /first");
  give("DELETE /second?secret=1");
  give("GET /third");
  expect(runningRequest(memory)).toBeNull();
  for (const expected of [
    { method: "GET", path: "/first" },
    { method: "DELETE", path: "/second" },
  ]) {
    handler.tasks.next();
    handler.start(handler.tasks.a);
    expect(runningRequest(memory)).toEqual(expected);
  }
  handler.release();
  expect(runningRequest(memory)).toBeNull();
  give(`GET /${"x".repeat(500)}`);
  handler.tasks.next();
  handler.start(handler.tasks.a);
  handler.tasks.next();
  handler.start(handler.tasks.a);
  expect(runningRequest(memory)).toEqual({ method: "GET", path: `/${"x".repeat(199)}` });
});
