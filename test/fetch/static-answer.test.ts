/**
 * Static answers against the real Bun.serve: the same Responses as routes, the same requests, the same bytes but for
 * the order and the case of the fields. How a Response becomes content is resolveRoutes' part and used as it is.
 */
import { describe, expect, test } from "bun:test";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import {
  MAX_JOINED_BODY_BYTES,
  StaticAnswer,
  type StaticContent,
  staticHead,
  staticStatus,
} from "../../src/fetch/static-answer.ts";
import { METHOD_GET, METHOD_HEAD, METHODS } from "../../src/http/method.ts";
import { resolveRoutes } from "../../src/serve/routes.ts";
import { exchange } from "../support/exchange.ts";

installResponseNotes();

const DATE = "Thu, 01 Jan 1970 00:00:00 GMT";
const headers = (fields: Record<string, string>): ResponseInit => ({ headers: fields });
/** Made anew for each server: reading a Response changes what Bun knows of its body. */
const makeRoutes = (): Record<string, Response> => ({
  "/text": new Response("static body", headers({ "X-A": "b" })),
  "/typed": new Response("x", headers({ z: "1", "content-type": "text/html", a: "2", ETag: '"me"' })),
  "/bytes": new Response(new Uint8Array([1, 2])),
  "/blob": new Response(new Blob(["x"])),
  "/typed-blob": new Response(new Blob(["x"], { type: "a/b" })),
  "/params": new Response(new URLSearchParams("a=1")),
  "/json": Response.json({ a: 1 }),
  "/empty": new Response(""),
  "/null": new Response(null, headers({ "content-type": "a/b" })),
  "/204": new Response(null, { status: 204 }),
  "/204-body": new Response("zz", { status: 204 }),
  "/304": new Response(null, { status: 304, headers: { etag: '"x"' } }),
  "/205-body": new Response("zz", { status: 205 }),
  "/302": Response.redirect("/x"),
  "/404": new Response("nf", { status: 404, headers: { etag: '"e"' } }),
  "/299": new Response("cr", { status: 299 }),
  "/date": new Response("x", headers({ Date: "yesterday" })),
  "/length": new Response("x", headers({ "content-length": "55", "transfer-encoding": "chunked" })),
  "/no-etag": new Response("x", headers({ etag: "" })),
  "/weak": new Response("x", headers({ etag: 'W/"ab"' })),
  "/unquoted": new Response("x", headers({ etag: "plain" })),
  "/empty-etag": new Response("", headers({ etag: '"e"' })),
  "/comma": new Response("x", headers({ etag: '"a,b"' })),
  "/list": new Response("x", headers({ etag: '"a", "b"' })),
  "/latin1": new Response("é", headers({ "x-l": "\xe9" })),
  "/empty-type": new Response("x", headers({ "content-type": "" })),
});
const contents = new Map<string, StaticContent>();
for (const { pattern, value } of resolveRoutes(makeRoutes()).entries) {
  if (value?.kind === "static") contents.set(pattern, value.content);
}

/** A message without the order and case of its fields, without the value of Date. */
function normalize(lines: readonly string[], body: string): unknown {
  const fields = lines
    .slice(1)
    .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()))
    .sort();
  const [status] = lines;
  return { status, fields: fields.map((line) => line.replace(/\w{3}, .* GMT$/, "now")), body };
}

function ours(path: string, method: string, ifMatch: string | null, ifNoneMatch: string | null): unknown {
  const answer = new StaticAnswer(contents.get(path)!);
  const status = answer.status(METHODS.indexOf(method), ifMatch, ifNoneMatch);
  const { bytes, body } = answer.reply(status, method === "HEAD", DATE);
  expect(body).toBeNull();
  const text = bytes.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  return normalize(text.slice(0, end).split("\r\n"), text.slice(end + 4));
}

const own = contents.get("/text")!.etag;
const tags = [
  "*",
  ' * , "a"',
  '"a",*',
  own,
  "W/" + own,
  "w/" + own,
  ` "x" , ${own}`,
  own.slice(1, -1),
  own.slice(0, -1),
];
tags.push(
  '"x"',
  "",
  "W/ " + own,
  `"a" ${own}`,
  `"a,${own}"`,
  '"ab"',
  'W/"ab"',
  "plain",
  '"e"',
  '"a,b"',
  '"a"',
  '"a", "b"',
);
tags.push('"', '"",', ",", `,${own}`);

describe("as the real Bun.serve", () => {
  for (const path of Object.keys(makeRoutes())) {
    test(path, async () => {
      using server = Bun.serve({ port: 0, hostname: "127.0.0.1", routes: makeRoutes() });
      for (const method of ["GET", "HEAD", "POST", "PROPFIND"]) {
        const every = method === "GET" ? tags : ["*", "x", own];
        const pairs: [string | null, string | null][] = [[null, null]];
        for (const tag of every) pairs.push([tag, null], [null, tag]);
        pairs.push([own, own], ['"z"', own], ["*", "*"]);
        for (const [ifMatch, ifNoneMatch] of pairs) {
          const fields: string[] = [];
          if (ifMatch !== null) fields.push(`If-Match: ${ifMatch}`);
          if (ifNoneMatch !== null) fields.push(`If-None-Match: ${ifNoneMatch}`);
          const native = await exchange(server.port!, path, { method, fields });
          const request = [method, path, ...fields];
          // What the parser makes of the field's value.
          const [given, givenNone] = [ifMatch?.trim() ?? null, ifNoneMatch?.trim() ?? null];
          expect([request, ours(path, method, given, givenNone)]).toEqual([
            request,
            normalize(native.lines, native.body.toString("latin1")),
          ]);
        }
      }
    });
  }
});

describe("what is kept", () => {
  const content = contents.get("/text")!;

  test("the same reply until the date changes, and the old bytes stay", () => {
    const answer = new StaticAnswer(content);
    const first = answer.reply(200, false, DATE);
    expect(answer.reply(200, false, DATE)).toBe(first);
    const text = first.bytes.toString("latin1");
    const later = answer.reply(200, false, "Fri, 02 Jan 1970 00:00:00 GMT");
    expect(later).not.toBe(first);
    expect(first.bytes.toString("latin1")).toBe(text);
    expect(later.bytes.toString("latin1")).toBe(text.replace(DATE, "Fri, 02 Jan 1970 00:00:00 GMT"));
  });

  test("304, 412 and HEAD have no date and stay", () => {
    const answer = new StaticAnswer(content);
    for (const [status, isHead] of [
      [304, false],
      [412, false],
      [200, true],
    ] as const) {
      const reply = answer.reply(status, isHead, DATE);
      expect(answer.reply(status, isHead, "later")).toBe(reply);
      expect(reply.bytes.toString("latin1")).not.toContain("Date");
    }
  });

  test("a long body stays apart from its head", () => {
    const body = new Uint8Array(MAX_JOINED_BODY_BYTES + 1);
    const answer = new StaticAnswer({ ...content, body });
    const reply = answer.reply(200, false, DATE);
    expect(reply.body).toBe(body);
    expect(reply.bytes.toString("latin1")).toBe(staticHead(answer.content, 200, false, DATE));
    expect(answer.reply(200, true, DATE).body).toBeNull();
    expect(answer.reply(304, false, DATE).body).toBeNull();
  });
});

test("If-Match comes before If-None-Match", () => {
  const content = contents.get("/text")!;
  expect(staticStatus(content, METHOD_GET, '"z"', content.etag)).toBe(412);
  expect(staticStatus(content, METHOD_HEAD, content.etag, content.etag)).toBe(304);
});
