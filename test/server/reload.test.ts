/** `server.reload()`: handlers and routes change while the server goes on, and no request is lost on the way. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, requestBytes } from "../support/exchange.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type Mode, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget, serve } from "../support/target.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-reload-"));
const support = new URL("../support/", import.meta.url).pathname;
const fixtures = new URL("../fixtures/", import.meta.url).pathname;
const here: Bun.Server<undefined>[] = [];

afterEach(async () => {
  await stopAll();
  await Promise.all(here.splice(0).map((server) => server.stop(true)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!MODES.includes("main"))("main", () => {
  const start = (options: Record<string, unknown>): Bun.Server<undefined> => {
    const server = serve({
      port: 0,
      hostname: "127.0.0.1",
      handlers: "main",
      development: false,
      ...options,
    });
    here.push(server);
    return server;
  };
  const textOf = async (server: Bun.Server<undefined>, target: string): Promise<string> =>
    (await exchange(server.port!, target)).text;

  test("fetch and routes are exchanged: handlers, static Responses, params", async () => {
    const server = start({
      fetch: () => new Response("old fetch"),
      routes: {
        "/static": new Response("old static"),
        "/same": () => new Response("old same"),
        "/gone": new Response("old gone"),
      },
    });
    expect(await textOf(server, "/static")).toBe("old static");
    server.reload({
      fetch: () => new Response("new fetch"),
      routes: {
        "/static": new Response("new static"),
        "/same": () => new Response("new same"),
        "/fresh/:id": (request: Bun.BunRequest<"/fresh/:id">) => new Response(`new ${request.params.id}`),
      },
    } as never);
    const targets = ["/static", "/same", "/gone", "/fresh/7", "/other"];
    const texts: string[] = [];
    for (const target of targets) texts.push(await textOf(server, target));
    expect(texts).toEqual(["new static", "new same", "new fetch", "new 7", "new fetch"]);
    const { headers } = await exchange(server.port!, "/static");
    const current = await exchange(server.port!, "/static", { fields: [`If-None-Match: ${headers.etag}`] });
    expect(current.status).toBe(304);
  });

  test("routes can be given to a server that had none; a reload without routes keeps them", async () => {
    const server = start({ fetch: () => new Response("fetch") });
    server.reload({ fetch: () => new Response("fetch"), routes: { "/a": () => new Response("a") } });
    expect(await textOf(server, "/a")).toBe("a");
    server.reload({ fetch: () => new Response("last") });
    expect([await textOf(server, "/a"), await textOf(server, "/b")]).toEqual(["a", "last"]);
  });

  test("a request that has begun is answered by the old handler, on a connection that stays", async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const server = start({
      fetch: async () => {
        begun.resolve();
        await gate.promise;
        return new Response("old");
      },
    });
    await using client = await RawClient.connect(server.port!);
    await client.send(requestBytes("/"));
    await begun.promise;
    server.reload({ fetch: () => new Response("new") });
    expect(await textOf(server, "/")).toBe("new");
    gate.resolve();
    expect((await client.readResponse()).text).toBe("old");
    await client.send(requestBytes("/"));
    expect((await client.readResponse()).text).toBe("new");
  });

  test("from a handler", async () => {
    const server = start({
      fetch: (_: Request, given: Bun.Server<undefined>) => {
        given.reload({ fetch: () => new Response("new") });
        return new Response("old");
      },
    });
    expect([await textOf(server, "/"), await textOf(server, "/")]).toEqual(["old", "new"]);
  });

  test("wrong options throw, and the old handlers go on", async () => {
    const server = start({ fetch: () => new Response("old") });
    expect(() => server.reload({ fetch: 1 } as never)).toThrow(TypeError);
    expect(() => server.reload({ fetch: () => new Response("x"), routes: { "/": 1 } } as never)).toThrow();
    expect(await textOf(server, "/")).toBe("old");
  });
});

/** Writes the module that handler threads load; each version answers with its name. */
function writeModule(mode: Mode, version: string): void {
  const handlers = `
    const slow = Bun.sleep;
    async function fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (pathname === "/reload") server.reload({ fetch });
      if (pathname === "/slow") await slow(300);
      return new Response("${version}");
    }`;
  const routes = `{ "/routed": () => new Response("routed ${version}"), "/static": new Response("static ${version}") }`;
  writeFileSync(
    join(folder, "module.ts"),
    mode === "module"
      ? `${handlers}\nexport default { fetch, routes: ${routes} };`
      : `import { serve } from "${support}target.ts";
    import { obey } from "${fixtures}control.ts";
    ${handlers}
    const options = JSON.parse(process.env.EPOLLO_TEST_OPTIONS);
    const server = serve({ port: 0, hostname: "127.0.0.1", development: false, fetch, routes: ${routes}, ...options });
    if (Bun.isMainThread) void obey(server);`,
  );
}

const THREADED = MODES.filter((mode) => mode !== "main");

// Bun.serve has no threads that could be replaced.
describe.skipIf(isBunTarget).each([...THREADED])("%s", (mode) => {
  const start = async (threads: object): Promise<{ readonly port: number }> => {
    writeModule(mode, "one");
    if (mode === "pool") return await startInChild(mode, { entry: join(folder, "module.ts"), threads });
    const handlers = new URL(`file://${folder}/module.ts`);
    const server = serve({ port: 0, hostname: "127.0.0.1", development: false, handlers, threads });
    here.push(server);
    return { port: server.port! };
  };
  const textOf = async (port: number, target = "/"): Promise<string> => (await exchange(port, target)).text;
  const replaced = (port: number): Promise<string[]> =>
    eventually(
      "the new version",
      () => Promise.all(Array.from({ length: 8 }, () => textOf(port))),
      (texts) => texts.every((text) => text === "two"),
    );

  const SIZES: readonly [min: number, max: number][] = [
    [1, 1],
    [2, 2],
    [1, 4],
  ];
  test.each([...SIZES])(
    "under load no request is lost, and the new module answers: min %d, max %d",
    async (min, max) => {
      const { port } = await start({ min, max });
      expect(await textOf(port)).toBe("one");
      let isEnded = false;
      const texts: string[] = [];
      const load = Array.from({ length: 8 }, async (_, index) => {
        await using client = await RawClient.connect(port);
        for (let count = 0; !isEnded; count++) {
          await client.send(requestBytes(index === 0 ? "/slow" : `/${count}`));
          const answer = await client.readResponse();
          texts.push(`${answer.status} ${answer.text}`);
        }
      });
      await Bun.sleep(50);
      writeModule(mode, "two");
      await textOf(port, "/reload");
      await replaced(port);
      isEnded = true;
      await Promise.all(load);
      expect([...new Set(texts)].sort()).toEqual(["200 one", "200 two"]);
      // The last of the old threads may still be about, and take one more request before it retires.
      await eventually(
        "the new version",
        () => textOf(port, "/slow"),
        (text) => text === "two",
      );
    },
  );

  test("routes of the new module answer, static ones too", async () => {
    const { port } = await start({ min: 1, max: 2 });
    expect([await textOf(port, "/static"), await textOf(port, "/routed")]).toEqual([
      "static one",
      "routed one",
    ]);
    writeModule(mode, "two");
    await textOf(port, "/reload");
    await replaced(port);
    await eventually(
      "the routes of the new module",
      async () => [await textOf(port, "/static"), await textOf(port, "/routed")],
      ([still, routed]) => still === "static two" && routed === "routed two",
    );
  });

  test("during a reload a route is a route, of the old module or the new one", async () => {
    const { port } = await start({ min: 2, max: 2 });
    expect(await textOf(port)).toBe("one");
    let isEnded = false;
    const texts = new Set<string>();
    const load = ["/static", "/routed", "/routed"].map(async (target) => {
      await using client = await RawClient.connect(port);
      while (!isEnded) {
        await client.send(requestBytes(target));
        const answer = await client.readResponse();
        texts.add(`${target} ${answer.status} ${answer.text}`);
      }
    });
    await eventually(
      "answers of both",
      () => texts.size,
      (size) => size === 2,
    );
    writeModule(mode, "two");
    await textOf(port, "/reload");
    await replaced(port);
    isEnded = true;
    await Promise.all(load);
    expect([...texts].sort()).toEqual([
      "/routed 200 routed one",
      "/routed 200 routed two",
      "/static 200 static one",
      "/static 200 static two",
    ]);
  });

  test("reloads that come during a reload end with the newest module", async () => {
    const { port } = await start({ min: 2, max: 2 });
    expect(await textOf(port)).toBe("one");
    for (const version of ["one", "one", "two"]) {
      writeModule(mode, version);
      await textOf(port, "/reload");
      await Bun.sleep(20);
    }
    await replaced(port);
    await Bun.sleep(200);
    expect(await replaced(port)).toBeDefined();
  });

  test("while the module cannot be loaded an old thread answers; the new module does when it can", async () => {
    const { port } = await start({ min: 2, max: 2 });
    expect(await textOf(port)).toBe("one");
    const log = console.error;
    console.error = () => {};
    try {
      writeFileSync(join(folder, "module.ts"), 'throw new Error("broken on purpose");');
      await textOf(port, "/reload");
      for (let count = 0; count < 20; count++) {
        expect(await textOf(port)).toBe("one");
        await Bun.sleep(10);
      }
      writeModule(mode, "two");
      await replaced(port);
    } finally {
      console.error = log;
    }
  });
});
