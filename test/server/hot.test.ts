/**
 * `bun --hot` with handlers on handler threads and on the main thread: a file of the program is edited while clients ask, the same server
 * gives the new answer, and no request is lost. Not for Bun.serve, which has one place for handlers.
 */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RunningProgram, startProgram } from "../auto/program.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { isBunTarget } from "../support/target.ts";

const SERVER = `
  import { serve } from "epollo";
  import { answer } from "./answer.ts";
  const server = serve({
    hostname: "127.0.0.1",
    handlers: process.env.MODE,
    routes: { "/route": () => new Response("route " + answer) },
    fetch: () => new Response(answer + " " + Bun.isMainThread),
  });
  if (Bun.isMainThread) console.log(String(server.url) + " ");`;
const UNCHANGED = `
  import { answer } from "./answer.ts";
  const server = Bun.serve({ hostname: "127.0.0.1", fetch: () => new Response(answer + " " + Bun.isMainThread) });
  if (Bun.isMainThread) console.log(String(server.url) + " ");`;
const answering = (text: string): string => `export const answer = ${JSON.stringify(text)};`;

/** Asks on one connection until `isOver` and notes the answers in which one followed another. Fails when one is lost. */
async function ask(port: number, path: string, seen: string[], isOver: () => boolean): Promise<void> {
  await using client = await RawClient.connect(port);
  while (!isOver()) {
    await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { status, text } = await client.readResponse();
    expect(status).toBe(200);
    if (seen.at(-1) !== text) seen.push(text);
  }
}

async function edited(program: RunningProgram, path: string, texts: readonly string[]): Promise<string[][]> {
  let isOver = false;
  const port = Number(new URL(program.url).port);
  const seen: string[][] = [[], [], []];
  const clients = seen.map((mine) => ask(port, path, mine, () => isOver));
  const haveAll = (text: string): Promise<unknown> =>
    eventually(
      `${text} for all clients`,
      () => seen.map((mine) => mine.at(-1) ?? ""),
      (last) => last.every((found) => found.includes(text)),
      10_000,
    );
  await haveAll("one");
  for (const text of texts) {
    writeFileSync(join(program.folder, "answer.ts"), answering(text));
    await eventually(
      `the answer ${text}: ${program.errors()}`,
      async () => {
        const asked = Array.from({ length: 8 }, async () => (await fetch(new URL(path, program.url))).text());
        return Promise.all(asked);
      },
      // A thread that retires finishes what it has, so the old answer may come once more after the new one.
      (found) => found.every((each) => each.includes(text)),
      10_000,
    );
    await haveAll(text);
  }
  isOver = true;
  await Promise.all(clients);
  return seen;
}

describe.skipIf(isBunTarget)("--hot", () => {
  const files = { "server.ts": SERVER, "answer.ts": answering("one") };
  test.each([
    ["main", "/"],
    ["pool", "/"],
    ["pool", "/route"],
  ])(
    "%s, %s: an edited file is served, by the same server, and no request is lost",
    async (mode, path) => {
      await using program = await startProgram({
        files,
        arguments: ["--hot", "server.ts"],
        environment: { MODE: mode },
      });
      const place = path === "/route" ? "" : ` ${mode === "main"}`;
      const name = (text: string): string => `${path === "/route" ? "route " : ""}${text}${place}`;
      for (const seen of await edited(program, path, ["two", "three"])) {
        expect([...new Set(seen)]).toEqual(["one", "two", "three"].map(name));
      }
      const urls = program.output().match(/http:\S+/g)!;
      expect(new Set(urls)).toEqual(new Set([program.url]));
      expect(program.errors()).toBe("");
    },
    30_000,
  );

  test("with epollo/auto, in pool mode", async () => {
    await using program = await startProgram({
      files: { ...files, "server.ts": UNCHANGED },
      arguments: ["--hot", "--preload", "epollo/auto", "server.ts"],
      environment: { EPOLLO_HANDLERS: "pool" },
    });
    for (const seen of await edited(program, "/", ["two"])) {
      expect([...new Set(seen)]).toEqual(["one false", "two false"]);
    }
  }, 30_000);
});
