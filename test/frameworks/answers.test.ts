/**
 * Unchanged apps of frameworks, each on handler threads and on the main thread: what epollo answers is what Bun.serve
 * answers for the same app in this run.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { answerOf, FRAMEWORKS, type Started, startFramework } from "./started.ts";

const json = { "content-type": "application/json" };
const post = (body: string, headers: Record<string, string> = json) => ({ method: "POST", headers, body });

const REQUESTS: readonly [what: string, path: string, init: RequestInit][] = [
  ["text", "", {}],
  ["a parameter and a query", "users/7?a=b&c=%20d", {}],
  ["an encoded parameter", "users/%C3%A4%20b", {}],
  ["a JSON body", "echo", post('{"text":"häh"}')],
  ["a large JSON body", "echo", post(JSON.stringify({ text: "x".repeat(300_000) }))],
  ["a body that is no JSON", "echo", post('{"text":')],
  ["HEAD", "users/7", { method: "HEAD" }],
  ["a method that has no route", "users/7", { method: "DELETE" }],
  ["a path that has no route", "nothing/here", {}],
  ["events to their end", "events", {}],
  ["an error", "error", {}],
];

type App = { fetch: (request: Request) => Response | Promise<Response> };

describe.each([...FRAMEWORKS])("%s", (framework) => {
  let native: Bun.Server<undefined>;
  beforeAll(async () => {
    const { default: app } = (await import(`./apps/${framework}.ts`)) as { default: App };
    native = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: app.fetch });
  });
  afterAll(() => native.stop(true));

  describe.each(["pool", "main"] as const)("%s", (mode) => {
    let started: Started;
    beforeAll(async () => {
      started = await startFramework(framework, mode);
    });
    afterAll(() => started[Symbol.asyncDispose]());

    test.each(REQUESTS)("%s", async (_what, path, init) => {
      const expected = await answerOf(native.url + path, init);
      expect(await answerOf(started.url + path, init)).toEqual(expected);
    });

    test("runs where it should, and knows its client", async () => {
      const seen = (await (await fetch(`${started.url}thread`)).json()) as object;
      const known = (await (await fetch(`${native.url}thread`)).json()) as object;
      expect(seen).toEqual({ ...known, isMain: mode === "main" });
    });

    test("events arrive one by one, while the app is still at work", async () => {
      let count = 0;
      // On a machine that is busy elsewhere two may arrive as one, but not at every pace.
      for (const ms of [100, 400, 1600]) {
        const response = await fetch(`${started.url}events?ms=${ms}`);
        const decoder = new TextDecoder();
        const pieces: string[] = [];
        for await (const bytes of response.body!) pieces.push(decoder.decode(bytes));
        expect(pieces.join("")).toBe("data: event 0\n\ndata: event 1\n\ndata: event 2\n\n");
        count = pieces.filter((piece) => piece.includes("event")).length;
        if (count === 3) break;
      }
      expect(count).toBe(3);
    });

    test("many at once are answered each with its own", async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, async (_, index) => (await fetch(`${started.url}users/${index}`)).json()),
      );
      expect((answers as { id: string }[]).map(({ id }) => id)).toEqual(
        answers.map((_, index) => String(index)),
      );
    });
  });
});
