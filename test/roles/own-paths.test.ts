import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { HEAD, RequestParser } from "../../src/http/request-parser.ts";
import { OwnPaths } from "../../src/roles/own-paths.ts";
import { allocateServerMemory, controlOf } from "../../src/roles/server-memory.ts";
import { HANDLER_EMPTY, HANDLER_READY, HANDLER_STARTING } from "../../src/shm/control-block.ts";
import { parseMetrics } from "../support/metrics-text.ts";

const memory = allocateServerMemory(1, 1);
const own = new OwnPaths(
  {
    metrics: "/metrics",
    page: "/_epollo",
    live: "/healthz",
    ready: "/readyz",
    isReadyWithoutHandlers: false,
  },
  memory,
  controlOf(memory),
);

/** The answer to a request whose head begins somewhere in its buffer; null when the path is not the server's. */
function reply(line: string, fields = ""): string | null {
  const bytes = Buffer.from(`before${line} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
  const parser = new RequestParser(DEFAULT_LIMITS);
  const head = new RequestHead(DEFAULT_LIMITS);
  expect(parser.next(bytes, 6, bytes.length, head)).toBe(HEAD);
  return own.reply(head, bytes, parser.headStart)?.toString() ?? null;
}

test("the metrics are answered whole, in Prometheus' type", () => {
  const [head, body] = reply("GET /metrics")!.split("\r\n\r\n") as [string, string];
  expect(head.split("\r\n")).toEqual([
    "HTTP/1.1 200 OK",
    "Content-Type: text/plain; version=0.0.4; charset=utf-8",
    "Cache-Control: no-store",
    `Content-Length: ${body.length}`,
  ]);
  expect(parseMetrics(body).size).toBeGreaterThan(20);
});

test("HEAD gets the head alone, other methods 405, and a client that closes hears so", () => {
  expect(reply("HEAD /metrics")).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*Content-Length: \d+\r\n\r\n$/);
  expect(reply("POST /metrics")).toBe(
    "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n\r\n",
  );
  expect(reply("GET /metrics", "Connection: close\r\n")).toContain("\r\nConnection: close\r\n");
});

test.each([
  ["/metrics?", true],
  ["/metrics?name=a", true],
  ["/metrics/", false],
  ["/metricsa", false],
  ["/metric", false],
  ["/Metrics", false],
  ["/", false],
  ["/a/metrics", false],
])("%s", (target, isOwn) => {
  expect(reply(`GET ${target}`) !== null).toBe(isOwn);
});

test("alive always, ready only with a handler thread and until the server is about to stop", () => {
  const control = controlOf(memory);
  const shown = (): (string | undefined)[] =>
    ["GET /healthz", "GET /readyz"].map((line) =>
      reply(line)?.replace(/^HTTP\/1.1 (\d+)[\s\S]*\r\n\r\n/, "$1 "),
    );
  expect(shown()).toEqual(["200 alive\n", "503 no handler thread is ready\n"]);
  control.moveHandler(0, HANDLER_EMPTY, HANDLER_STARTING);
  expect(shown()[1]).toBe("503 no handler thread is ready\n");
  control.moveHandler(0, HANDLER_STARTING, HANDLER_READY);
  expect(shown()).toEqual(["200 alive\n", "200 ready\n"]);
  control.setUnready();
  expect(shown()).toEqual(["200 alive\n", "503 stopping\n"]);
});

test("the live page may load nothing; its numbers are beside it", () => {
  const [head, body] = reply("GET /_epollo")!.split("\r\n\r\n") as [string, string];
  expect(head).toContain(
    "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Security-Policy: default-src 'none'; ",
  );
  expect(body).toStartWith("<!doctype html>");
  const stats = reply("GET /_epollo/stats")!;
  expect(stats).toContain("\r\nContent-Type: application/json\r\n");
  expect(JSON.parse(stats.split("\r\n\r\n")[1]!).stats.requests).toBe(0);
  expect(reply("GET /_epollo/other")).toBeNull();
});
