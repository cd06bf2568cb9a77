import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { answerFile, type FileRequest, fileFieldsOf } from "../../src/fetch/file-answer.ts";
import { fileReferenceOf } from "../../src/fetch/file-reference.ts";
import { METHODS } from "../../src/http/method.ts";
import { NO_CONDITIONS } from "../../src/http/precondition.ts";
import { closeFile, openFile, readAt } from "../../src/net/file.ts";
import { RawClient } from "../support/raw-client.ts";
import { parseResponse, type RawResponse } from "../support/response-parser.ts";

const base = mkdtempSync(join(tmpdir(), "epollo-answer-"));
const put = (name: string, content: string) => {
  writeFileSync(join(base, name), content);
  utimesSync(join(base, name), 1_700_000_000.75, 1_700_000_000.75);
  return join(base, name);
};
const text = put("a.txt", "0123456789abcdefgh");
const binary = put("b.bin", "x".repeat(40));
const empty = put("e.txt", "");
const odd = ['q"uote', "semi;", "é", "日本", "back\\slash", "sp ace", "tab\t", "n\nl", "c\rr"].map((name) =>
  put(`${name}.bin`, name),
);
const OWN = { etag: '"zz"', "last-modified": "Wed, 01 Jan 2020 00:00:00 GMT", "x-a": "1" };
const typed = (type: string) => () => new Response(Bun.file(text), { headers: { "content-type": type } });
const sliced =
  (...range: number[]) =>
  () =>
    new Response(Bun.file(text).slice(...(range as [number])));
const withStatus = (status: number) => () => new Response(Bun.file(text), { status });
const withFields = (headers: Record<string, string>) => () => new Response(Bun.file(text), { headers });

const RESPONSES: Record<string, () => Response> = {
  plain: () => new Response(Bun.file(text)),
  binary: () => new Response(Bun.file(binary)),
  empty: () => new Response(Bun.file(empty)),
  "200 of a stream": () => new Response(Bun.file(text).stream()),
  ...Object.fromEntries([201, 204, 206, 304, 404].map((status) => [`status ${status}`, withStatus(status)])),
  ...Object.fromEntries(
    [[2, 5], [0, 5], [5], [0, 18], [0], [5, 100], [0, 100], [-3], [30, 40], [3, 3], [18]].map((range) => [
      `slice ${range}`,
      sliced(...range),
    ]),
  ),
  "slice of a slice": () => new Response(Bun.file(text).slice(2, 12).slice(3, 6)),
  "slice with a type": () => new Response(Bun.file(text).slice(2, 5, "a/b")),
  "slice with status 404": () => new Response(Bun.file(text).slice(2, 5), { status: 404 }),
  "slice with content-range": () =>
    new Response(Bun.file(text).slice(2, 5), { headers: { "content-range": "x" } }),
  "slice of nothing": () => new Response(Bun.file(empty).slice(0, 5)),
  "slice beyond nothing": () => new Response(Bun.file(empty).slice(2, 5)),
  "own fields": withFields(OWN),
  "weak tag": withFields({ etag: 'W/"zz"' }),
  "bad date": withFields({ "last-modified": "garbage" }),
  "own content-range": withFields({ "content-range": "x" }),
  "empty content-range": withFields({ "content-range": "" }),
  "own accept-ranges": withFields({ "accept-ranges": "none" }),
  "own disposition": () =>
    new Response(Bun.file(binary), { headers: { "content-disposition": "attachment" } }),
  "renamed file": () => new Response(Object.assign(Bun.file(binary), { name: "to/save.me" })),
};
const TYPES =
  "application/json|application/json; charset=utf-8|application/json ;x|APPLICATION/JSON|Text/Plain|text|text/|" +
  "text/x|application/geo+json|application/vnd.api+json|application/javascript|application/wasm|application/wasm;x|" +
  "application/xhtml+xml|font/x|image/svg+xml|audio/x|video/x|*/*|foo|model/x|application/jsonx|application/";
for (const type of TYPES.split("|")) RESPONSES[`type ${type}`] = typed(type);
for (const path of odd) RESPONSES[`name ${path.slice(base.length)}`] = () => new Response(Bun.file(path));

const MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT";
const EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT";
const RANGES = ["bytes=1-2", "bytes=-2", "bytes=3-", "bytes=100-", "bytes=0-1,3-4", "bytes=-0", "bytes=0-"];
const REQUESTS: [method: string, fields: Record<string, string>][] = [
  ...["GET", "HEAD", "POST"].map((method) => [method, {}] as [string, Record<string, string>]),
  ...RANGES.flatMap((range) =>
    ["GET", "HEAD", "POST"].map((method) => [method, { range }] as [string, Record<string, string>]),
  ),
  ...[MODIFIED, EARLIER, OWN["last-modified"], '"zz"', 'W/"zz"', '"y"', "garbage"].map(
    (value) => ["GET", { range: "bytes=0-1", "if-range": value }] as [string, Record<string, string>],
  ),
  ...["GET", "HEAD", "POST"].flatMap((method) =>
    [
      { "if-modified-since": MODIFIED },
      { "if-modified-since": EARLIER },
      { "if-modified-since": "garbage" },
      { "if-modified-since": MODIFIED, range: "bytes=0-1" },
      { "if-none-match": "*" },
      { "if-none-match": '"y", W/"zz"' },
      { "if-none-match": '"y"', "if-modified-since": MODIFIED },
      { "if-match": '"zz"' },
      { "if-match": '"y"', "if-none-match": "*" },
      { "if-unmodified-since": MODIFIED },
      { "if-unmodified-since": EARLIER },
    ].map((fields) => [method, fields] as [string, Record<string, string>]),
  ),
];

/** What epollo would put on the wire, from the same parts that the server uses. */
function answerOf(
  response: Response,
  source: "response" | "route",
  method: string,
  fields: Record<string, string>,
) {
  const reference = fileReferenceOf(Bun.peek(response.clone().blob()) as Blob)!;
  const file = openFile(reference.path!);
  if (typeof file === "number") throw new Error(`cannot open: ${file}`);
  const request: FileRequest = {
    method: METHODS.indexOf(method),
    range: fields.range ?? "",
    conditions: {
      ...NO_CONDITIONS,
      ifMatch: fields["if-match"] ?? "",
      ifNoneMatch: fields["if-none-match"] ?? "",
      ifModifiedSince: fields["if-modified-since"] ?? "",
      ifUnmodifiedSince: fields["if-unmodified-since"] ?? "",
      ifRange: fields["if-range"] ?? "",
    },
  };
  const own = fileFieldsOf(response.headers, reference.type);
  const answer = answerFile({ ...file, ...reference, source }, own, response.status, request);
  const body = NativeBuffer.allocate(Math.max(1, answer.length));
  expect(readAt(file.fd, body.address, answer.length, answer.offset)).toBe(answer.length);
  closeFile(file.fd);
  let head = `HTTP/1.1 ${answer.status} X\r\n`;
  if (own !== null) for (const [name, value] of response.headers) head += `${name}: ${value}\r\n`;
  if (answer.type !== "") head += `content-type: ${answer.type}\r\n`;
  if (answer.contentLength >= 0) head += `content-length: ${answer.contentLength}\r\n`;
  return Buffer.concat([
    Buffer.from(`${head}${answer.fields}\r\n`, "latin1"),
    body.bytes.subarray(0, answer.length),
  ]);
}

function essence(response: RawResponse | null) {
  if (response === null) return null;
  const { date: _, ...headers } = response.headers;
  return { status: response.status, headers, body: response.body.toString("latin1") };
}

describe.each(["response", "route"] as const)("a file by %s is answered as Bun.serve does", (source) => {
  let server: ReturnType<typeof Bun.serve>;
  let client: RawClient;
  const names = Object.keys(RESPONSES);
  beforeAll(async () => {
    server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      routes:
        source === "route" ? Object.fromEntries(names.map((name, i) => [`/${i}`, RESPONSES[name]!()])) : {},
      fetch: (request) => RESPONSES[names[Number(new URL(request.url).pathname.slice(1))]!]!(),
    });
    client = await RawClient.connect(server.port!);
  });
  afterAll(async () => {
    client.close();
    await server.stop(true);
  });

  test.each(names)("%s", async (name) => {
    for (const [method, fields] of REQUESTS) {
      const lines = Object.entries({
        host: "x",
        ...(method === "POST" && { "content-length": "0" }),
        ...fields,
      });
      await client.send(
        `${method} /${names.indexOf(name)} HTTP/1.1\r\n${lines.map(([field, value]) => `${field}: ${value}\r\n`).join("")}\r\n`,
      );
      const theirs = await client.readResponse({ method });
      const bytes = answerOf(RESPONSES[name]!(), source, method, fields);
      const ours = parseResponse(bytes, method, true);
      expect([method, fields, essence(ours)]).toEqual([method, fields, essence(theirs)]);
      expect(ours!.byteLength).toBe(bytes.length);
    }
  });
});

describe("where Bun.serve is not followed", () => {
  const request: FileRequest = { method: METHODS.indexOf("GET"), range: "", conditions: NO_CONDITIONS };
  const file = { size: 10, mtimeMs: 0, type: "text/plain", name: "", start: 0, end: 10 };

  test("205 has a length, as RFC 9112 wants it", () => {
    expect(answerFile({ ...file, source: "route" }, null, 205, request)).toMatchObject({
      status: 205,
      contentLength: 0,
      length: 0,
    });
    expect(answerFile({ ...file, source: "response" }, null, 205, request)).toMatchObject({
      status: 205,
      contentLength: 0,
      length: 0,
      type: "",
    });
  });
});

test("fields of its own: the type that a file implies is none", () => {
  expect(fileFieldsOf(new Response(Bun.file(text)).headers, Bun.file(text).type)).toBeNull();
  expect(fileFieldsOf(new Headers(), "text/plain")).toBeNull();
  expect(fileFieldsOf(new Headers({ "content-type": "x/y" }), "text/plain")).toEqual({
    type: "x/y",
    hasContentRange: false,
    hasContentDisposition: false,
    etag: "",
    lastModified: null,
  });
});

afterAll(() => rmSync(base, { recursive: true }));
