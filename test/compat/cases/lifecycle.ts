/** Aborted requests, stop() and reload() as scenarios (BUN-SERVE.md sections 10.3, 10.4 and 13). */
import { exchange } from "../../support/exchange.ts";
import { notesOf, uniqueMark } from "../../support/journal.ts";
import { eventually } from "../../support/process-info.ts";
import { RawClient } from "../../support/raw-client.ts";
import type { Case } from "../compare.ts";
import type { Observation } from "../observation.ts";
import type { ProgramServer } from "../program-server.ts";
import { showAnswer } from "../wire.ts";
import { bytesOf } from "./build.ts";

/** A scenario with a server of its own. */
export interface Scenario extends Case {
  run(server: ProgramServer): Promise<unknown>;
}

const scenarios: Scenario[] = [];
function scenario(id: string, section: string, run: Scenario["run"], notInPool?: string): void {
  scenarios.push({ id, section, run, ...(notInPool === undefined ? {} : { notInPool }) });
}

const target = (path: string, mark: string): string => `${path}?mark=${mark}`;
const noted = (mark: string, count: number): Promise<string[]> =>
  eventually(
    "the notes",
    () => notesOf(mark),
    (lines) => lines.length >= count,
    5000,
  ).catch(() => notesOf(mark));
/** The notes of a mark, without it. */
const notes = async (mark: string, count: number): Promise<Observation> =>
  (await noted(mark, count)).map((line) => line.replaceAll(mark, "").trim());

async function ending(client: RawClient): Promise<Observation> {
  const rest = await client.readUntilClose().catch(() => Buffer.from("(nothing within 4.5 s)"));
  return [
    client.ending,
    rest
      .toString("latin1")
      .replace(/Date: [^\r]*/i, "Date: <date>")
      .toLowerCase(),
  ];
}

const isRefused = (port: number): Promise<boolean> =>
  RawClient.connect(port).then(
    (client) => {
      client.reset();
      return false;
    },
    () => true,
  );

/** Sends a request, leaves once the handler has started, and gives what was noted. */
function leaving(id: string, path: string, send: string, how: "close" | "reset", count: number): void {
  scenario(id, "10.3", async (server) => {
    const mark = uniqueMark();
    const client = await RawClient.connect(server.port);
    await client.send(send.replaceAll("PATH", target(path, mark)));
    await noted(mark, 1);
    if (path.startsWith("/stream") || path === "/generator") await client.readExactly(100);
    client[how]();
    return await notes(mark, count);
  });
}

const GET = bytesOf("PATH");
const HALF = `${bytesOf("POST PATH", ["Content-Length: 10"])}abc`;
// Long enough that it is not collected before the handler is called.
const LARGE = bytesOf("POST PATH", ["Content-Length: 1000000"]) + "x".repeat(300_000);
leaving("abort-close", "/wait", GET, "close", 2);
leaving("abort-reset", "/wait", GET, "reset", 2);
leaving("abort-onabort", "/onabort", GET, "close", 2);
leaving("abort-ip", "/ip", GET, "close", 2);
leaving("abort-pending", "/pending", GET, "close", 2);
leaving("abort-small-body", "/text", HALF, "close", 2);
leaving("abort-text", "/text", LARGE, "close", 2);
leaving("abort-text-reset", "/text", LARGE, "reset", 2);
leaving("abort-read", "/read", LARGE, "close", 2);
leaving("abort-stream", "/stream", GET, "close", 2);
leaving("abort-stream-reset", "/stream", GET, "reset", 2);
leaving("abort-stream-signal", "/stream-signal", GET, "close", 2);
leaving("abort-generator", "/generator", GET, "close", 2);

scenario("abort-never-pending", "10.3", async (server) => {
  const mark = uniqueMark();
  const client = await RawClient.connect(server.port);
  await client.send(bytesOf(target("/never", mark)));
  await noted(mark, 1);
  const during = await server.ask("pending");
  client.close();
  const after = await eventually(
    "none pending",
    () => server.ask("pending"),
    (count) => count === 0,
    2000,
  ).catch(String);
  return [during, after];
});

scenario("abort-not-when-done", "10.3", async (server) => {
  const mark = uniqueMark();
  const answer = await exchange(server.port, target("/done", mark));
  await exchange(server.port, "/hello");
  await Bun.sleep(50);
  return [answer.text, await notes(mark, 1)];
});

for (const name of ["read-after", "headers-after", "ip-after"]) {
  scenario(name, "7", async (server) => {
    const mark = uniqueMark();
    const isPost = name === "read-after";
    await using client = await RawClient.connect(server.port);
    await client.send(
      bytesOf(
        `${isPost ? "POST" : "GET"} ${target(`/${name}`, mark)}`,
        ["X-A: b"],
        isPost ? "abc" : undefined,
      ),
    );
    await client.readResponse();
    return await notes(mark, 2);
  });
}

scenario("stop-idle", "10.4", async (server) => {
  await using client = await RawClient.connect(server.port);
  await client.send(bytesOf("/hello"));
  await client.readResponse();
  return [
    await server.ask("stop"),
    await ending(client),
    await isRefused(server.port),
    await server.ask("facts"),
  ];
});

scenario("stop-in-flight", "10.4", async (server) => {
  await using client = await RawClient.connect(server.port);
  const mark = uniqueMark();
  await client.send(bytesOf(target("/slow", mark)));
  await noted(mark, 1);
  await server.ask("stop-start");
  const refused = await isRefused(server.port);
  return [refused, showAnswer(await client.readResponse()), await ending(client), await server.ask("stop")];
});

const ended = "handler threads may end before they can note anything";
scenario(
  "stop-forced-in-flight",
  "10.4",
  async (server) => {
    await using client = await RawClient.connect(server.port);
    const mark = uniqueMark();
    await client.send(bytesOf(target("/wait", mark)));
    await noted(mark, 1);
    return [await server.ask("stop-forced"), await ending(client), await notes(mark, 2)];
  },
  ended,
);

scenario(
  "stop-forced-stream",
  "10.4",
  async (server) => {
    await using client = await RawClient.connect(server.port);
    const mark = uniqueMark();
    await client.send(bytesOf(target("/stream", mark)));
    await client.readExactly(100);
    await server.ask("stop-forced");
    await client.readUntilClose();
    return [client.ending, await notes(mark, 2)];
  },
  ended,
);

scenario("stop-forced-idle", "10.4", async (server) => {
  await using client = await RawClient.connect(server.port);
  await client.send(bytesOf("/hello"));
  await client.readResponse();
  return [await server.ask("stop-forced"), await ending(client), await isRefused(server.port)];
});

scenario("stop-partial-head", "10.4", async (server) => {
  await using client = await RawClient.connect(server.port);
  await client.send(bytesOf("/hello"));
  await client.readResponse();
  await client.send("GET /hello HTTP/1.1\r\nHost: a\r\n");
  await Bun.sleep(50);
  await server.ask("stop-start");
  await Bun.sleep(50);
  await client.send("\r\n");
  return await client.readResponse().then(showAnswer, () => client.ending);
});

scenario("stop-twice", "10.4", async (server) => [await server.ask("stop-twice"), await server.ask("facts")]);
scenario("stop-dispose", "10.4", async (server) => [
  await server.ask("dispose"),
  await isRefused(server.port),
]);
scenario("stop-rebind", "10.4", async (server) => await server.ask("rebind"));
scenario("stop-then-fetch", "10.4", async (server) => [
  await server.ask("stop"),
  await server.ask("fetch-text"),
]);
scenario("stop-then-reload", "10.4", async (server) => [
  await server.ask("stop"),
  await server.ask("reload-empty"),
]);

for (const path of ["/stop", "/stop-forced"]) {
  scenario(`stop-inside${path.slice(5)}`, "10.4", async (server) => {
    await using client = await RawClient.connect(server.port);
    await client.send(bytesOf(path));
    const end = await ending(client);
    const refused = await eventually("refusal", () => isRefused(server.port), Boolean, 2000).catch(String);
    // A forced stop and the answer of the handler that asked for it race to the client.
    return [path === "/stop" ? end : client.ending, refused];
  });
}

scenario("close-idle", "10.4", async (server) => {
  await using idle = await RawClient.connect(server.port);
  await using busy = await RawClient.connect(server.port);
  await idle.send(bytesOf("/hello"));
  await idle.readResponse();
  const mark = uniqueMark();
  await busy.send(bytesOf(target("/slow", mark)));
  await noted(mark, 1);
  const count = await server.ask("close-idle");
  return [
    count,
    await ending(idle),
    (await busy.readResponse()).text,
    (await exchange(server.port, "/hello")).text,
  ];
});

const closures = "what is reloaded are closures";
function reloading(name: string, paths: readonly string[]): void {
  scenario(
    name,
    "13",
    async (server) => {
      const before = (await exchange(server.port, "/hello")).text;
      const answers: Observation[] = [before, (await server.ask(name)) as Observation];
      for (const path of paths) answers.push(showAnswer(await exchange(server.port, path)));
      return answers;
    },
    closures,
  );
}
reloading("reload-fetch", ["/hello"]);
reloading("reload-empty", ["/hello"]);
reloading("reload-routes", ["/r", "/hello"]);
reloading("reload-both", ["/r", "/other"]);
reloading("reload-port", ["/hello"]);
reloading("reload-error", ["/hello"]);
reloading("reload-development", ["/hello"]);

scenario(
  "reload-keeps-routes",
  "13",
  async (server) => {
    const done = [await server.ask("reload-routes"), (await exchange(server.port, "/r")).text];
    return [...done, await server.ask("reload-fetch"), (await exchange(server.port, "/r")).text];
  },
  closures,
);

scenario(
  "reload-in-flight",
  "13",
  async (server) => {
    await using client = await RawClient.connect(server.port);
    const mark = uniqueMark();
    await client.send(bytesOf(target("/slow", mark)));
    await noted(mark, 1);
    await server.ask("reload-fetch");
    const first = (await client.readResponse()).text;
    await client.send(bytesOf("/hello"));
    return [first, (await client.readResponse()).text];
  },
  closures,
);

/** All of them. */
export const lifecycleCases: readonly Scenario[] = scenarios;
