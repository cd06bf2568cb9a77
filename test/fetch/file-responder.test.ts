import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLOSE } from "../../src/channel/messages.ts";
import type { FoundFile } from "../../src/fetch/directory.ts";
import type { FileReference } from "../../src/fetch/file-reference.ts";
import {
  type FileResponse,
  fieldOf,
  fileRequestOf,
  sendFile,
  sendOpened,
} from "../../src/fetch/file-responder.ts";
import { METHOD_GET } from "../../src/http/method.ts";
import { fileAccess } from "../../src/roles/file-access.ts";
import { pattern } from "../channel/link-pair.ts";
import { fdCount } from "../support/process-info.ts";
import { GET, makeExchange, type Recorder } from "./recorder.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-responder-"));
const small = join(folder, "small.txt");
const large = join(folder, "large.bin");
const CONTENT = pattern(200_000);
writeFileSync(small, "0123456789");
writeFileSync(large, CONTENT);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PLAIN: FileResponse = { status: 200, headers: null, fields: null, source: "response" };
const reference = (path: string | null, parts: Partial<FileReference> = {}): FileReference => ({
  path,
  fd: -1,
  start: 0,
  end: Number.POSITIVE_INFINITY,
  name: path ?? "",
  type: "text/plain",
  ...parts,
});
const request = (fields = "", method = "GET"): string => `${method} /f HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

/** Sends a file in answer to a request; what the recorder got, and how many descriptors are left open. */
function send(
  text: string,
  file: FileReference,
  response: FileResponse = PLAIN,
): { result: Error | "stream" | null; recorder: Recorder; left: number } {
  const { exchange, recorder } = makeExchange(text);
  const before = fdCount();
  const result = sendFile(exchange, fileAccess, file, response);
  return { result, recorder, left: fdCount() - before };
}

describe("a request's fields", () => {
  test("are found by name, the first of several; none is empty", () => {
    const { view } = makeExchange(
      request('Range: bytes=0-1\r\nIF-MATCH: "a"\r\nIf-Match: "b"\r\nIf-Range: x\r\n'),
    );
    expect([fieldOf(view, "range"), fieldOf(view, "if-match"), fieldOf(view, "etag")]).toEqual([
      "bytes=0-1",
      '"a"',
      "",
    ]);
    expect(fileRequestOf(view)).toEqual({
      method: METHOD_GET,
      range: "bytes=0-1",
      conditions: {
        ifMatch: '"a"',
        ifNoneMatch: "",
        ifModifiedSince: "",
        ifUnmodifiedSince: "",
        ifRange: "x",
      },
    });
  });
});

describe("sendFile", () => {
  test("sends a small one with its head in one piece and closes it", () => {
    const { result, recorder, left } = send(request(), reference(small));
    expect([result, left, recorder.pieces.length, recorder.fileAnswers.length]).toEqual([null, 0, 1, 0]);
    const answer = recorder.read();
    expect(answer.statusLine).toBe("HTTP/1.1 200 OK");
    expect([answer.field("content-length"), answer.content]).toEqual(["10", "0123456789"]);
  });

  test("gives a large one away, open, with its head", () => {
    const { result, recorder, left } = send(request(), reference(large));
    expect([result, left, recorder.pieces.length]).toEqual([null, 1, 0]);
    const [{ head, fd, offset, length, flags }] = recorder.fileAnswers as [Recorder["fileAnswers"][0]];
    expect(head).toContain("\r\nContent-Length: 200000\r\n");
    expect(head).toEndWith("\r\n\r\n");
    expect([offset, length, flags]).toEqual([0, 200_000, 0]);
    expect(Buffer.from(fileAccess.read(fd, length, offset) as Uint8Array).equals(CONTENT)).toBe(true);
    fileAccess.close(fd);
  });

  test("a range or a slice of a large one: short parts in one piece, long ones by their offset", () => {
    const short = send(request("Range: bytes=100-199\r\n"), reference(large));
    expect(short.recorder.read().statusLine).toBe("HTTP/1.1 206 Partial Content");
    expect(short.recorder.read().body.equals(CONTENT.subarray(100, 200))).toBe(true);
    expect(short.left).toBe(0);
    const long = send(request(), reference(large, { start: 50_000, end: 150_000 }));
    const [{ offset, length, fd }] = long.recorder.fileAnswers as [Recorder["fileAnswers"][0]];
    expect([offset, length]).toEqual([50_000, 100_000]);
    fileAccess.close(fd);
  });

  test("HEAD, 304 and an empty part send the head only and leave nothing open", () => {
    const head = send(request("", "HEAD"), reference(large));
    expect([
      head.left,
      head.recorder.read().field("content-length"),
      head.recorder.read().body.length,
    ]).toEqual([0, "200000", 0]);
    const empty = send(request(), reference(small, { start: 4, end: 4 }));
    expect([empty.left, empty.recorder.read().field("content-length")]).toEqual([0, "0"]);
    const route = { ...PLAIN, source: "route" as const };
    const since = send(
      request("If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n"),
      reference(large),
      route,
    );
    expect([since.left, since.recorder.read().statusLine]).toEqual([0, "HTTP/1.1 304 Not Modified"]);
  });

  test("a request that closes, or a field that does, closes after the answer", () => {
    const closing = request("Connection: close\r\n");
    expect(send(closing, reference(small)).recorder.closes).toBe(true);
    const long = send(closing, reference(large));
    expect(long.recorder.fileAnswers[0]!.flags).toBe(CLOSE);
    fileAccess.close(long.recorder.fileAnswers[0]!.fd);
    expect(send(request(), reference(small)).recorder.closes).toBe(false);
    const response = { ...PLAIN, headers: new Headers({ connection: "close", "x-own": "1" }) };
    const { recorder } = send(request(), reference(small), response);
    expect([recorder.closes, recorder.read().field("x-own")]).toEqual([true, "1"]);
  });

  test("a missing one and a directory are errors, and nothing was sent", () => {
    const missing = join(folder, "none");
    for (const [path, code, message] of [
      [missing, "ENOENT", `ENOENT: no such file or directory, open '${missing}'`],
      [folder, "EISDIR", "Cannot stream a directory as a response body"],
    ] as const) {
      const { result, recorder, left } = send(request(), reference(path));
      expect([(result as NodeJS.ErrnoException).code, (result as Error).message]).toEqual([code, message]);
      expect([recorder.pieces.length, recorder.cuts, left]).toEqual([0, 0, 0]);
    }
  });

  test("what has no length is to be sent as a stream", () => {
    const { result, recorder, left } = send(request(), reference("/dev/null"));
    expect([result, recorder.pieces.length, left]).toEqual(["stream", 0, 0]);
  });

  test("a descriptor of the program is duplicated and stays open", () => {
    const { fd } = fileAccess.open(small) as FoundFile;
    const { recorder, left } = send(request(), reference(null, { fd, start: 2, end: 5 }));
    expect([recorder.read().content, left]).toEqual(["234", 0]);
    expect((fileAccess.read(fd, 1, 0) as Uint8Array).length).toBe(1);
    fileAccess.close(fd);
  });
});

describe("sendOpened", () => {
  const opened = (path: string): FoundFile => fileAccess.open(path) as FoundFile;

  test("closes the file of a client that has left", () => {
    const before = fdCount();
    const { exchange, recorder } = makeExchange(GET);
    exchange.abort();
    sendOpened(exchange, fileAccess, opened(small), reference(small), PLAIN);
    expect([fdCount() - before, recorder.pieces.length]).toEqual([0, 0]);
  });

  test("a file that got shorter since it was measured cuts the answer", () => {
    const path = join(folder, "shrinking");
    writeFileSync(path, "0123456789");
    const before = fdCount();
    const file = opened(path);
    truncateSync(path, 4);
    const { exchange, recorder } = makeExchange(GET);
    sendOpened(exchange, fileAccess, file, reference(path), PLAIN);
    expect([recorder.cuts, recorder.pieces.length, fdCount() - before]).toEqual([1, 0, 0]);
  });
});
