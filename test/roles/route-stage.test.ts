import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FIRST, LAST } from "../../src/channel/messages.ts";
import { TASK_CLOSES } from "../../src/channel/task-record.ts";
import { installResponseNotes } from "../../src/fetch/response-notes.ts";
import { ROUTE_ANSWERED, ROUTE_FETCH, ROUTE_UNKNOWN } from "../../src/fetch/route-target.ts";
import { CLIENT_CLOSED } from "../../src/roles/client.ts";
import { RouteStage } from "../../src/roles/route-stage.ts";
import { resolveRoutes, sentEntries } from "../../src/serve/routes.ts";
import { parseRequest, pattern } from "../channel/link-pair.ts";
import { fdCount } from "../support/process-info.ts";
import { parseResponse, type RawResponse } from "../support/response-parser.ts";
import { Answering } from "./answering.ts";

installResponseNotes();

const folder = mkdtempSync(join(tmpdir(), "epollo-stage-"));
mkdirSync(join(folder, "pub"));
writeFileSync(join(folder, "pub/a.txt"), "text a");
writeFileSync(join(folder, "large.bin"), pattern(300_000));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const entries = sentEntries(
  resolveRoutes({
    "/function": () => new Response(""),
    "/static": new Response("static"),
    "/static-close": new Response("bye", { headers: { connection: "close" } }),
    "/static-large": new Response("s".repeat(100_000)),
    "/pub/*": { dir: join(folder, "pub") },
    "/large": Bun.file(join(folder, "large.bin")),
    "/gone": Bun.file(join(folder, "gone")),
    "/users/:id": { GET: () => new Response(""), POST: () => new Response("") },
  }),
);

let run: Answering;
let stage: RouteStage;
beforeEach(async () => {
  run = await Answering.open();
  stage = makeStage(true);
});
afterEach(() => run.close());

function makeStage(hasFetch: boolean): RouteStage {
  const owner = {
    nowMs: 0,
    sent: (client: typeof run.client, sequence: number): void => {
      client.answers.finish(sequence);
      run.events.push(`sent ${sequence}`);
    },
    broken: (client: typeof run.client): void => {
      client.state = CLIENT_CLOSED;
      run.events.push("broken");
    },
  };
  return new RouteStage(owner, run.writer, run.pair.control, { entries, hasFetch });
}

/** Routes a request of the client; 1 + the number of its handler, ROUTE_FETCH or ROUTE_ANSWERED. */
function route(target: string, fields = "", method = "GET"): number {
  const { head, bytes, headStart } = parseRequest(`${method} ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
  const sequence = run.client.answers.assign();
  return stage.route(run.client, sequence, head, bytes, headStart, head.keepAlive ? 0 : TASK_CLOSES);
}

/** What the peer gets: so many answers to requests of a method. */
async function read(count: number, method = "GET"): Promise<RawResponse[]> {
  const answers: RawResponse[] = [];
  let bytes = Buffer.alloc(0);
  for (let attempt = 0; answers.length < count && attempt < 2000; attempt++) {
    run.client.isWritable = true;
    run.turn();
    run.writer.flush(run.client);
    bytes = Buffer.concat([bytes, run.peerRead()]);
    const answer = parseResponse(bytes, method, false);
    if (answer === null) {
      await Bun.sleep(1);
      continue;
    }
    answers.push(answer);
    bytes = bytes.subarray(answer.byteLength);
  }
  expect(bytes.length).toBe(0);
  return answers;
}

describe("requests that need a handler", () => {
  test("go to it by its number, or to fetch; nothing is sent", () => {
    expect([route("/function?q"), route("/none"), route("/gone")]).toEqual([1, ROUTE_FETCH, ROUTE_FETCH]);
    run.turn();
    expect([run.peerRead().length, run.events]).toEqual([0, []]);
  });

  test("are 404 without fetch", async () => {
    stage = makeStage(false);
    expect([route("/none"), route("/gone"), route("/function")]).toEqual([ROUTE_ANSWERED, ROUTE_ANSWERED, 1]);
    const answers = await read(2);
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    expect(answers[0]!.headers.date).toMatch(/GMT$/);
  });

  test("are never taken for a static one, whose target or method is another", () => {
    for (let count = 0; count < 2; count++) {
      expect([route("/static"), route("/static", "", "HEAD"), route("/static?q")]).toEqual([-1, -1, -1]);
      expect(["/statiC", "/static/", "/stati", "/function"].map((target) => route(target))).toEqual([
        0, 0, 0, 1,
      ]);
    }
    expect(ROUTE_ANSWERED).toBe(-1);
    run.turn();
  });

  test("go to the same one each time, whatever else was asked for between", () => {
    const targets = Array.from({ length: 300 }, (_, index) => `/users/${index}`);
    for (const target of [...targets, ...targets]) {
      const numbers = [0, 1, 2].map(() => route(target));
      expect(numbers).toEqual([2, 2, 2]);
      expect([0, 1, 2].map(() => route(target, "", "POST"))).toEqual([3, 3, 3]);
      // No method that the route has.
      expect([0, 1, 2].map(() => route(target, "", "PUT"))).toEqual([0, 0, 0]);
      expect([route(`${target}/posts`), route(`${target}?q`), route("/function")]).toEqual([0, 2, 1]);
    }
    const long = `/users/${"1".repeat(200)}`;
    expect([0, 1, 2].map(() => route(long))).toEqual([2, 2, 2]);
  });

  test("are for a file as soon as it is there", () => {
    const path = join(folder, "gone");
    try {
      expect([0, 1, 2].map(() => route("/gone"))).toEqual([ROUTE_FETCH, ROUTE_FETCH, ROUTE_FETCH]);
      writeFileSync(path, "back");
      expect(route("/gone")).toBe(ROUTE_ANSWERED);
    } finally {
      rmSync(path, { force: true });
    }
  });

  test("are for the handlers to route once the routes are replaced", () => {
    expect([0, 1, 2].map(() => route("/function"))).toEqual([1, 1, 1]);
    run.pair.control.replaceRoutes();
    expect([route("/function"), route("/static")]).toEqual([ROUTE_UNKNOWN, ROUTE_UNKNOWN]);
  });
});

describe("answers", () => {
  test("static ones: again and again from the same memory, 304 and HEAD, short and long", async () => {
    for (let count = 0; count < 3; count++) expect(route("/static")).toBe(ROUTE_ANSWERED);
    const texts = await read(3);
    expect(texts.map(({ text }) => text)).toEqual(["static", "static", "static"]);
    const { etag } = texts[0]!.headers;
    route("/static", `If-None-Match: ${etag}\r\n`);
    route("/static", 'If-Match: "x"\r\n');
    expect((await read(2)).map(({ status }) => status)).toEqual([304, 412]);
    route("/static", "", "HEAD");
    expect((await read(1, "HEAD"))[0]!.headers["content-length"]).toBe("6");
    route("/static-large");
    expect((await read(1))[0]!.body.equals(Buffer.alloc(100_000, "s"))).toBe(true);
    expect([
      run.events.filter((event) => event.startsWith("sent")).length,
      run.client.answers.isIdle,
    ]).toEqual([7, true]);
  });

  test("from files and directories, and the files are closed", async () => {
    route("/pub/a.txt");
    await read(1);
    // The directory itself stays open.
    const before = fdCount();
    expect([route("/large"), route("/pub/a.txt"), route("/pub/none")]).toEqual([-1, -1, -1]);
    const answers = await read(3);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404]);
    expect([answers[0]!.body.equals(pattern(300_000)), answers[1]!.text]).toEqual([true, "text a"]);
    expect(fdCount()).toBe(before);
  });

  test("wait for those before them, which handlers give", async () => {
    const given = run.give();
    route("/static");
    route("/large");
    route("/static-large");
    run.turn();
    expect(run.peerRead().length).toBe(0);
    given.answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Buffer.from("first"), FIRST | LAST);
    const answers = await read(4);
    expect(answers.map(({ body }) => body.length)).toEqual([5, 6, 300_000, 100_000]);
    expect(run.client.answers.isIdle).toBe(true);
  });

  test("to a request that closes, and of a Response that closes, end the client after the last byte", async () => {
    for (const [target, fields] of [
      ["/static", "Connection: close\r\n"],
      ["/static-close", ""],
      ["/static-large", "Connection: close\r\n"],
      ["/large", "Connection: close\r\n"],
      ["/pub/a.txt", "Connection: close\r\n"],
    ] as const) {
      run.close();
      run = await Answering.open();
      stage = makeStage(true);
      route(target, fields);
      expect((await read(1))[0]!.status).toBe(200);
      expect([target, run.events.at(-1)]).toEqual([target, "finished"]);
    }
  });

  test("a file that waits for a client that leaves is closed", () => {
    const before = fdCount();
    run.give();
    route("/large");
    expect(fdCount()).toBe(before + 1);
    run.writer.drop(run.client);
    expect(fdCount()).toBe(before);
  });
});
