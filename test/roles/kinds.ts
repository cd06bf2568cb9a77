/** Kinds of requests for tests: a table of its own, and runs of them in the pool. */
import { QUICK } from "../../src/channel/messages.ts";
import { KindTable } from "../../src/roles/kind-table.ts";
import { DISPATCHER_COUNTERS } from "../../src/shm/counters.ts";
import { parseRequest } from "../channel/link-pair.ts";

/** A kind and its parent. */
export type Kind = [kind: number, parent: number];

/** The pace of a run that was slow, or waited for something. */
export const SLOW = 0;

export const newCounters = (): Float64Array => new Float64Array(DISPATCHER_COUNTERS.length);
export const newKinds = (): KindTable => new KindTable(newCounters());

/** The kind of a request and its parent. */
export function find(kinds: KindTable, target: string, method = "GET", route = 0): Kind {
  const { head, bytes, headStart } = parseRequest(`${method} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  head.route = route;
  return [kinds.find(head, bytes, headStart), kinds.parent];
}

/** Has handler threads run requests of a kind. */
export function runInPool(kinds: KindTable, of: Kind, count: number, pace: number = QUICK): void {
  for (let run = 0; run < count; run++) kinds.ranInPool(of[0], of[1], pace);
}

/** Has a dispatcher run requests of a kind, each in 0.01 ms beside what its bytes may take. */
export function runWell(kinds: KindTable, of: Kind, count: number, bytes = 0): void {
  for (let run = 0; run < count; run++) kinds.ranInline(of[0], of[1], 0.01, true, bytes);
}

/** Whether a request of a kind would run inline. */
export const isInline = (kinds: KindTable, of: Kind): boolean => kinds.isInline(of[0], of[1]);
