import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { RouteResponder } from "../../src/fetch/route-responder.ts";
import { ROUTE_ANSWERED, ROUTE_FETCH } from "../../src/fetch/route-target.ts";
import { METHOD_GET } from "../../src/http/method.ts";
import { fileAccess } from "../../src/roles/file-access.ts";
import { resolveRoutes, sentEntries } from "../../src/serve/routes.ts";
import { fdCount } from "../support/process-info.ts";
import { type Answer, makeExchange, type Recorder } from "./recorder.ts";

installResponseNotes();

const folder = mkdtempSync(join(tmpdir(), "epollo-route-responder-"));
mkdirSync(join(folder, "pub/sub"), { recursive: true });
mkdirSync(join(folder, "later"));
writeFileSync(join(folder, "pub/a.txt"), "text a");
writeFileSync(join(folder, "pub/sub/index.html"), "index");
writeFileSync(join(folder, "large.bin"), Buffer.alloc(100_000, "l"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const answer = () => new Response("");
const responder = new RouteResponder(
  // As threads get them.
  structuredClone(
    sentEntries(
      resolveRoutes({
        "/first": answer,
        "/second/:id": { PUT: answer },
        "/static": new Response("static", { headers: { etag: '"tag"', "x-a": "1" } }),
        "/static-close": new Response("bye", { headers: { connection: "close" } }),
        "/large-static": new Response("s".repeat(100_000)),
        "/pub/*": { dir: join(folder, "pub") },
        "/later/*": { dir: join(folder, "later") },
        "/gone": Bun.file(join(folder, "gone")),
        "/covered/gone": Bun.file(join(folder, "gone")),
        "/covered/*": new Response("behind"),
        "/large": Bun.file(join(folder, "large.bin")),
        "/slice": new Response(Bun.file(join(folder, "large.bin")).slice(0, 5), {
          headers: { "x-own": "yes" },
        }),
        "/off": false,
      }),
    ),
  ),
  fileAccess,
);

interface Routed {
  readonly route: number;
  readonly recorder: Recorder;
  readonly answer: Answer;
}

function route(target: string, fields = "", method = "GET"): Routed {
  const text = `${method} ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
  const { exchange, view, recorder } = makeExchange(text);
  return {
    route: responder.route(exchange, view),
    recorder,
    get answer() {
      return recorder.read();
    },
  };
}

describe("functions", () => {
  test("are given by their number, and nothing is sent", () => {
    for (const [target, method, number] of [
      ["/first", "GET", 1],
      ["/first?query", "DELETE", 1],
      ["/second/7", "PUT", 2],
      ["/second/7", "GET", ROUTE_FETCH],
      ["/nothing", "GET", ROUTE_FETCH],
      ["/off", "GET", ROUTE_FETCH],
    ] as const) {
      const { route: number_, recorder } = route(target, "", method);
      expect([target, method, number_, recorder.pieces.length]).toEqual([target, method, number, 0]);
    }
  });
});

describe("static Responses", () => {
  test("are sent with their fields, short or long", () => {
    const short = route("/static?x=1");
    expect([short.route, short.answer.statusLine, short.answer.content]).toEqual([
      ROUTE_ANSWERED,
      "HTTP/1.1 200 OK",
      "static",
    ]);
    expect([short.answer.field("x-a"), short.answer.field("content-length")]).toEqual(["1", "6"]);
    expect(short.recorder.closes).toBe(false);
    const long = route("/large-static");
    expect([long.answer.field("content-length"), long.answer.body.length]).toEqual(["100000", 100_000]);
  });

  test("304 and 412 by their tag, HEAD without content", () => {
    const lines = [
      route("/static", 'If-None-Match: "tag"\r\n'),
      route("/static", 'If-Match: "other"\r\n'),
      route("/static", "", "HEAD"),
    ].map((routed) => [routed.answer.statusLine, routed.answer.body.length]);
    expect(lines).toEqual([
      ["HTTP/1.1 304 Not Modified", 0],
      ["HTTP/1.1 412 Precondition Failed", 0],
      ["HTTP/1.1 200 OK", 0],
    ]);
  });

  test("close when the request or their own field says so", () => {
    expect(route("/static", "Connection: close\r\n").recorder.closes).toBe(true);
    expect(route("/static-close").recorder.closes).toBe(true);
  });
});

describe("files", () => {
  test("are sent, large ones as open files; the fields around them too", () => {
    const { recorder } = route("/large");
    expect(recorder.fileAnswers.map(({ offset, length }) => [offset, length])).toEqual([[0, 100_000]]);
    fileAccess.close(recorder.fileAnswers[0]!.fd);
    const slice = route("/slice");
    expect([slice.answer.content, slice.answer.field("x-own")]).toEqual(["lllll", "yes"]);
  });

  test("that are missing are passed over: to the next route that matches, or to fetch", () => {
    const { route: gone, recorder } = route("/gone");
    expect([gone, recorder.pieces.length]).toEqual([ROUTE_FETCH, 0]);
    expect(route("/covered/gone").answer.content).toBe("behind");
  });

  test("are found when they have come, and missed when they are gone again", () => {
    writeFileSync(join(folder, "gone"), "came");
    expect(route("/gone").answer.content).toBe("came");
    rmSync(join(folder, "gone"));
    expect(route("/gone").route).toBe(ROUTE_FETCH);
  });
});

describe("directories", () => {
  test("send files, indexes and redirects; what is refused is 404 and goes no further", () => {
    expect(route("/pub/a.txt").answer.content).toBe("text a");
    expect(route("/pub/a.txt").answer.field("content-type")).toBe("text/plain;charset=utf-8");
    expect(route("/pub/sub/").answer.content).toBe("index");
    const redirect = route("/pub/sub?q").answer;
    expect([redirect.statusLine, redirect.field("location")]).toEqual([
      "HTTP/1.1 301 Moved Permanently",
      "/pub/sub/?q",
    ]);
    for (const target of ["/pub/none", "/pub/../large.bin", "/pub/%2e%2e/large.bin", "/pub/"]) {
      const missing = route(target);
      expect([missing.route, missing.answer.statusLine]).toEqual([ROUTE_ANSWERED, "HTTP/1.1 404 Not Found"]);
    }
  });

  test("a directory that is gone is 404", () => {
    rmSync(join(folder, "later"), { recursive: true });
    expect(route("/later/x").answer.statusLine).toBe("HTTP/1.1 404 Not Found");
  });

  test("leave nothing open", () => {
    const before = fdCount();
    for (const target of ["/pub/a.txt", "/pub/sub", "/pub/sub/", "/pub/none"]) route(target);
    expect(fdCount()).toBe(before);
  });
});

test("findAfter goes on behind a route until there is none", () => {
  const first = responder.find("/covered/gone?q", METHOD_GET)!;
  const second = responder.findAfter("/covered/gone?q", METHOD_GET, first)!;
  expect([first.value.kind, second.value.kind]).toEqual(["file", "static"]);
  expect(responder.findAfter("/covered/gone?q", METHOD_GET, second)).toBeNull();
});
