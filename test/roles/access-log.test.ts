import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { HEAD, RequestParser } from "../../src/http/request-parser.ts";
import { AccessLog, type AccessLogFormat } from "../../src/roles/access-log.ts";
import { Client } from "../../src/roles/client.ts";
import { LINE_BYTES } from "../../src/roles/log-writer.ts";
import { DISPATCHER_CELLS } from "../../src/shm/buckets.ts";
import { PEER, PEER_INDEX } from "../channel/link-pair.ts";

let folder: string;
let fd: number;
let client: Client;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "epollo-log-"));
  fd = openSync(join(folder, "log"), "a");
  client = new Client(0, 0, -1);
});
afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

function open(format: AccessLogFormat): AccessLog {
  const target = { fd, isSocket: false, path: null, pieceBytes: Number.POSITIVE_INFINITY };
  return new AccessLog({ target, format }, new Float64Array(DISPATCHER_CELLS));
}

function begin(log: AccessLog, sequence: number, line: string, fields = ""): void {
  const bytes = Buffer.from(`${line} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`, "latin1");
  const parsed = new Client(0, 0, -1);
  const head = new RequestHead(DEFAULT_LIMITS);
  parsed.parser = new RequestParser(DEFAULT_LIMITS);
  expect(parsed.parser.next(bytes, 0, bytes.length, head)).toBe(HEAD);
  log.begin(client, sequence, head, bytes, PEER.subarray(PEER_INDEX), 0);
}

function lines(log: AccessLog): string[] {
  log.writer.flush();
  return readFileSync(join(folder, "log"), "latin1").split("\n").slice(0, -1);
}

test("combined: as Apache writes it, with the seconds behind it", () => {
  const log = open("combined");
  begin(log, 0, "GET /a?b=1", "Referer: http://a/\r\nUser-Agent: test/1.0 (x)\r\n");
  log.first(client, 0, 200, 5);
  log.more(client, 0, 7);
  log.end(client, 0);
  begin(log, 1, "DELETE /b");
  log.first(client, 1, 404, 0);
  log.end(client, 1);
  const found = lines(log);
  expect(found[0]).toMatch(
    /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b=1 HTTP\/1\.1" 200 12 "http:\/\/a\/" "test\/1\.0 \(x\)" \d+\.\d{3}$/,
  );
  expect(found[1]).toContain('] "DELETE /b HTTP/1.1" 404 0 "-" "-" ');
  expect(found.length).toBe(2);
});

test("json: one object a line", () => {
  const log = open("json");
  begin(log, 0, "GET /a", 'User-Agent: a "quoted" \\ agent\xe9\r\n');
  log.first(client, 0, 201, 3);
  log.end(client, 0);
  const [line] = lines(log);
  expect(line).toMatch(/^[ -~]+$/);
  const { time, ms, ...rest } = JSON.parse(line!);
  expect(rest).toEqual({
    remote: "127.0.0.1",
    method: "GET",
    path: "/a",
    version: "HTTP/1.1",
    status: 201,
    bytes: 3,
    referer: "",
    agent: 'a "quoted" \\ agent\u00e9',
  });
  expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
  expect(ms).toBeGreaterThanOrEqual(0);
});

test("what could forge a line or a field is escaped, in both formats", () => {
  for (const format of ["combined", "json"] as const) {
    const log = open(format);
    begin(log, 0, "GET /a", 'Referer: a"b\\c\tz\x80\r\n');
    log.first(client, 0, 200, 0);
    log.end(client, 0);
    const line = lines(log).at(-1)!;
    expect(line).toMatch(/^[ -~]+$/);
    if (format === "combined") expect(line).toContain('"a\\x22b\\x5Cc\\x09z\\x80"');
    else expect(JSON.parse(line).referer).toBe('a"b\\c\tz\u0080');
  }
});

test("a line is never longer than a pipe takes whole, whatever the request holds", () => {
  for (const format of ["combined", "json"] as const) {
    const log = open(format);
    begin(
      log,
      0,
      `GET /${"a".repeat(5000)}`,
      `Referer: ${"\xff".repeat(900)}\r\nUser-Agent: ${"\x80".repeat(900)}\r\n`,
    );
    log.first(client, 0, 200, 0);
    log.end(client, 0);
    const line = lines(log).at(-1)!;
    expect(line.length).toBeLessThan(LINE_BYTES);
    expect(line).toContain("/aaaa");
  }
});

test("answers end in any order; what was not answered when the client leaves is 499, or has the status it got", () => {
  const log = open("combined");
  for (let sequence = 0; sequence < 4; sequence++) begin(log, sequence, `GET /${sequence}`);
  log.first(client, 2, 200, 1);
  log.end(client, 2);
  log.first(client, 0, 206, 9);
  log.dropped(client);
  log.dropped(client);
  log.end(client, 1);
  expect(lines(log).map((line) => /"GET (\S+) \S+" (\d+ \d+)/.exec(line)?.slice(1).join(" "))).toEqual([
    "/2 200 1",
    "/0 206 9",
    "/1 499 0",
    "/3 499 0",
  ]);
});

test("a request that could not be parsed has a status only", () => {
  const log = open("combined");
  log.first(client, 0, 400, 0);
  log.end(client, 0);
  expect(lines(log)[0]).toContain('] "-" 400 0 "-" "-" ');
});
