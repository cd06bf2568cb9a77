/** The access log of a whole server: a line for each request, whoever answers it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, startClosure, startServer, stopAll } from "../support/servers.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "epollo-log-"));
  file = join(folder, "access.log");
});
afterEach(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

/** The lines so far; waits until there are `count`. */
async function lines(count: number): Promise<string[]> {
  return eventually(
    "the access log",
    () => readFileSync(file, "latin1").split("\n").slice(0, -1),
    (found) => found.length >= count,
  );
}

describe.each(MODES)("%s", (mode) => {
  test("requests of every kind, with status and bytes of the body", async () => {
    await using server = await startServer(mode, {
      observe: { metrics: "/metrics", accessLog: { format: "json", file } },
    });
    const bodies = new Map<string, number>();
    const ask = async (path: string, init?: RequestInit): Promise<void> => {
      const response = await fetch(`${server.url}${path}`, init);
      bodies.set(`${init?.method ?? "GET"} /${path} ${response.status}`, (await response.bytes()).length);
    };
    await ask("hello");
    await ask("hello", { method: "HEAD" });
    await ask("echo?x=1", { method: "POST", body: "x".repeat(100_000) });
    await ask("slow");
    await ask("file");
    await ask("throw");
    await ask("metrics");
    const found = (await lines(bodies.size)).map((line) => JSON.parse(line));
    const seen = found.map(({ method, path, status, bytes }): [string, number] => [
      `${method} ${path} ${status}`,
      bytes,
    ]);
    expect(new Map(seen)).toEqual(bodies);
    expect(seen.length).toBe(bodies.size);
    const slow = found.find(({ path }) => path === "/slow");
    expect(slow.ms).toBeGreaterThan(15);
    for (const { remote, agent } of found)
      expect([remote, agent]).toEqual(["127.0.0.1", `Bun/${Bun.version}`]);
  });
});

test("routes, pipelined requests, bad ones, and clients that leave", async () => {
  const gate = Promise.withResolvers<void>();
  const server = startClosure({
    observe: { accessLog: { file } },
    routes: {
      "/static": new Response("static"),
      "/never": async () => gate.promise.then(() => new Response()),
    },
    fetch: () => new Response("dynamic"),
  });
  await using raw = await RawClient.connect(server.port);
  const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  await raw.send(`${request("/static")}${request("/a")}${request("/static")}NO\r\n\r\n`);
  await raw.readResponsesUntilClose();
  const gone = await RawClient.connect(server.port);
  await gone.send(request("/never"));
  await eventually(
    "a request in flight",
    () => server.pendingRequests(),
    (count) => count === 1,
  );
  gone.reset();
  const found = (await lines(5)).map((line) =>
    /"([^"]*)" (\d+ \d+) "-" "-" \d+\.\d{3}$/.exec(line)?.slice(1).join(" "),
  );
  expect(found.sort()).toEqual(
    [
      "- 400 0",
      "GET /a HTTP/1.1 200 7",
      "GET /never HTTP/1.1 499 0",
      "GET /static HTTP/1.1 200 6",
      "GET /static HTTP/1.1 200 6",
    ].sort(),
  );
  gate.resolve();
});

test("what is logged when the server stops is written before stop() resolves", async () => {
  const server = startClosure({ observe: { accessLog: { file } }, fetch: () => new Response("a") });
  await (await fetch(server.url)).text();
  await server.stop(true);
  expect(readFileSync(file, "latin1").split("\n").length).toBe(2);
});

test("a pipe that nobody empties keeps nobody waiting; lines that are lost are counted", async () => {
  const pipe = join(folder, "pipe");
  Bun.spawnSync(["mkfifo", pipe]);
  // Opened in both directions, a named pipe waits for nobody.
  const reader = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const server = startClosure({
      observe: { metrics: "/metrics", accessLog: { format: "json", file: pipe } },
      routes: { "/": new Response("a") },
    });
    await using raw = await RawClient.connect(server.port);
    const many = `GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: ${"x".repeat(500)}\r\n\r\n`.repeat(50);
    for (let round = 0; round < 60; round++) {
      await raw.send(many);
      for (let answer = 0; answer < 50; answer++) expect((await raw.readResponse()).status).toBe(200);
    }
    const text = await (await fetch(`${server.url}metrics`)).text();
    expect(Number(/^epollo_access_log_dropped_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
  } finally {
    closeSync(reader);
  }
});

test("standard output, whatever it is", async () => {
  const program = `
    import { serve } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).pathname)};
    const server = serve({ port: 0, handlers: "main", observe: { accessLog: true }, fetch: () => new Response("a") });
    await (await fetch(server.url + "of-child")).text();
    await server.stop(true);
    process.exit(0);`;
  const path = join(folder, "program.ts");
  writeFileSync(path, program);
  const piped = Bun.spawn([process.execPath, "run", path], { stdout: "pipe" });
  expect(await new Response(piped.stdout).text()).toContain('"GET /of-child HTTP/1.1" 200 1 ');
  const out = join(folder, "out");
  const filed = Bun.spawn([process.execPath, "run", path], { stdout: Bun.file(out) });
  await filed.exited;
  expect(readFileSync(out, "latin1")).toContain('"GET /of-child HTTP/1.1" 200 1 ');
});

test("a file that cannot be opened stops serve(), and nothing listens", () => {
  const options = {
    observe: { accessLog: { file: join(folder, "none", "log") } },
    fetch: () => new Response(),
  };
  expect(() => startClosure(options)).toThrow("ENOENT");
});

test("a file that is renamed under load: each line once, in the file before or the one after", async () => {
  const server = startClosure({
    observe: { accessLog: { file } },
    threads: { dispatchers: 2 },
    fetch: () => new Response("fine"),
  });
  let isOver = false;
  let sent = 0;
  const client = async (): Promise<void> => {
    await using raw = await RawClient.connect(server.port);
    while (!isOver) {
      const paths = Array.from({ length: 20 }, () => `/${sent++}`);
      await raw.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
      for (const _ of paths) await raw.readResponse();
    }
  };
  const clients = Array.from({ length: 4 }, client);
  for (const name of ["access.log.1", "access.log.2", ""]) {
    await eventually(
      "lines in the file that is new",
      () => (readdirSync(folder).includes("access.log") ? readFileSync(file, "latin1").length : 0),
      (length) => length > 0,
    );
    if (name !== "") renameSync(file, join(folder, name));
  }
  isOver = true;
  await Promise.all(clients);
  await server.stop(true);
  const found = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1").split("\n"));
  expect(found.map((part) => part.length > 1 && part.pop())).toEqual(["", "", ""]);
  const seen = found.flat().map((line) => Number(/"GET \/(\d+) HTTP\/1\.1" 200 4 /.exec(line)?.[1]));
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, index) => index));
});
