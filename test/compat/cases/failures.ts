/** Errors and answers that are no Response (BUN-SERVE.md sections 8.5 and 9). */
import type { WireCase } from "../wire.ts";
import { bytesOf, type Draft, raw, request, suite } from "./build.ts";

const fail = (prefix: string, names: string, more: Partial<Draft> = {}): Draft[] =>
  names.split(" ").map((name) => request(`${prefix}-${name}`, `/${name}`, [], undefined, more));

const THROWN =
  "throw throw-type throw-coded throw-string throw-undefined throw-null throw-object throw-response";
const REJECTED = "reject reject-at-once reject-undefined";
const RETURNED =
  "return-undefined return-null return-string return-number return-object return-file return-request return-promise " +
  "return-error";
const RESPONSES = "error-response used locked missing-file directory";
const STREAMS =
  "stream-fails-first-sync stream-fails-first stream-fails-later stream-errored generator-fails-first generator-fails-later";

const perThread = "each handler thread has a Response of its own";
const twice = (prefix: string): Draft =>
  raw(`${prefix}-twice`, [bytesOf("/twice"), { answers: 1 }, bytesOf("/twice")], {
    answers: 2,
    notInPool: perThread,
  });

const production: Draft[] = [
  ...fail("failing", `${THROWN} ${REJECTED}`),
  ...fail("failing", RETURNED, { section: "8.5" }),
  ...fail("failing", RESPONSES),
  ...fail("failing", STREAMS, { closes: true }),
  twice("failing"),
  raw("failing-bun-info", "GET /bun:info HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  request("failing-head", "HEAD /throw"),
  request("failing-head-undefined", "HEAD /return-undefined"),
  request("failing-post", "POST /throw", [], "abc"),
  request("failing-post-large", "POST /throw", [], "x".repeat(500_000)),
  request("failing-close", "/throw", ["Connection: close"], undefined, { closes: true }),
  raw("failing-then-fine", [bytesOf("/throw"), { answers: 1 }, bytesOf("/fine")], { answers: 2 }),
  raw("failing-1.0", "GET /throw HTTP/1.0\r\nHost: a\r\n\r\n", { closes: true }),
];

const development: Draft[] = [
  ...fail("developing", "throw throw-string reject missing-file error-response used"),
  ...fail("developing", "return-undefined return-string", { section: "8.5" }),
  request("developing-accept-json", "/throw", ["Accept: application/json"]),
  request("developing-head", "HEAD /throw"),
  // Bun.serve tells those who name this machine.
  raw("developing-bun-info", "GET /bun:info HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  raw("developing-bun-info-post", "POST /bun:info HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
];

const handled: Draft[] = [
  ...fail("handled", `${THROWN} ${REJECTED} ${RESPONSES}`),
  ...fail("handled", "return-undefined return-string", { section: "8.5" }),
  ...fail("handled", "error-throws error-rejects error-undefined error-async error-string error-stream"),
  ...fail("handled", "stream-fails-first stream-fails-later generator-fails-first", { closes: true }),
  twice("handled"),
  request("handled-head", "HEAD /throw"),
  request("handled-post", "POST /reject", [], "abc"),
];

/** All of them. */
export const failureCases: readonly WireCase[] = [
  ...suite("9", "failing", production),
  ...suite("9", "developing", development),
  ...suite("9", "handled", handled),
];
