/**
 * Handlers that go wrong (BUN-SERVE.md section 9): the request gets 500 at most, all others are unharmed. What ends the
 * thread of a handler (`process.exit`, an error from a timer) ends the process in main mode, as with Bun.serve, and a
 * replaceable thread in the other modes. All in child processes: `bun test` takes what a handler throws for a failure of the test.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type Mode, type RunningServer, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const FAILING: readonly string[] = ["/throw", "/throw-value", "/reject", "/error-response", "/file-missing"];
const THREADED: readonly Mode[] = MODES.filter((mode) => mode !== "main");

afterAll(stopAll);

describe.each(MODES)("%s", (mode) => {
  describe("without an error handler, in production", () => {
    let server: RunningServer;
    beforeAll(async () => {
      server = await startInChild(mode, { development: false });
    });

    test.each([...FAILING])("%s gets 500, and the connection goes on", async (route) => {
      await using client = await RawClient.connect(server.port);
      await client.send(requestBytes(route));
      const response = await client.readResponse();
      expect([response.status, response.reason]).toEqual([500, "Internal Server Error"]);
      expect(response.text).toBe("Something went wrong!");
      expect(response.headers["content-type"]).toBe("text/plain");
      await client.send(requestBytes("/hello"));
      expect((await client.readResponse()).text).toBe("hello");
    });

    test.each(["undefined", "string", "object", "promise"])("a return of %s gets 204", async (kind) => {
      const response = await exchange(server.port, `/garbage?kind=${kind}`);
      expect([response.status, response.body.length]).toEqual([204, 0]);
    });
  });

  test("without an error handler, in development, the answer is a 500 page", async () => {
    await using server = await startInChild(mode, { development: true });
    const response = await exchange(server.port, "/throw");
    expect(response.status).toBe(500);
    expect(response.headers["content-type"]).toContain("text/html");
    // The line that threw is there, whoever makes the page.
    expect(response.text).toContain("thrown on purpose");
    if (!isBunTarget) expect(response.text).toMatch(/<mark>.*throw new Error\(&quot;thrown on purpose/);
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
  });

  describe("with an error handler", () => {
    let server: RunningServer;
    beforeAll(async () => {
      server = await startInChild(mode, { development: false, hasErrorHandler: true });
    });

    const HANDLED: readonly [route: string, text: string][] = [
      ["/throw", "handled Error: thrown on purpose"],
      ["/throw-value", "handled a thrown string"],
      ["/reject", "handled TypeError: rejected on purpose"],
    ];
    test.each(HANDLED)("%s is answered by it", async (route, text) => {
      const response = await exchange(server.port, route);
      expect([response.status, response.text]).toEqual([599, text]);
    });

    test("a missing file is answered by it", async () => {
      const response = await exchange(server.port, "/file-missing");
      expect(response.status).toBe(599);
      expect(response.text).toContain("ENOENT");
    });

    test("a return that is no Response is not", async () => {
      expect((await exchange(server.port, "/garbage")).status).toBe(204);
    });
  });

  test("failing requests among good ones harm none of them", async () => {
    await using server = await startInChild(mode, { development: false });
    const routes = ["/throw", "/id?id=ok", "/reject", "/garbage", "/slow?ms=5&id=ok"];
    const statuses = await Promise.all(
      Array.from(
        { length: 100 },
        async (_, index) => (await exchange(server.port, routes[index % 5]!)).status,
      ),
    );
    expect(statuses).toEqual(
      Array.from({ length: 100 }, (_, index) => [500, 200, 500, 204, 200][index % 5]!),
    );
    const inFlight = async (): Promise<number> => (await server.stats())?.inFlight ?? 0;
    await eventually("nothing in flight", inFlight, (left) => left === 0);
  });
});

describe("main mode, as Bun.serve: what ends the thread ends the process", () => {
  const ENDING: readonly [route: string, code: number][] = [
    ["/exit", 3],
    ["/later", 1],
  ];
  test.each(ENDING)("%s", async (route, code) => {
    const server = await startInChild("main");
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes(route));
    expect(await server.exited).toBe(code);
  });
});

describe.skipIf(isBunTarget).each([...THREADED])("%s: a handler's thread ends", (mode) => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startInChild(mode, { development: false, threads: { min: 1, max: 4 } });
  });

  test("process.exit: 500 for that request, the connection goes on, the thread is replaced", async () => {
    await using client = await RawClient.connect(server.port);
    const before = (await server.stats())!.threads.spawned;
    await client.send(requestBytes("/exit"));
    expect((await client.readResponse()).status).toBe(500);
    await client.send(requestBytes("/slow?ms=1&id=after"));
    expect((await client.readResponse()).text).toBe("after");
    const spawned = async (): Promise<number> => (await server.stats())!.threads.spawned;
    await eventually("a thread in its place", spawned, (count) => count > before);
  });

  test("an error from a timer: the answer that was given stays, later requests are served", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes("/later"));
    expect((await client.readResponse()).text).toBe("later");
    for (let index = 0; index < 20; index++) {
      await client.send(requestBytes(`/slow?ms=2&id=${index}`));
      const response = await client.readResponse();
      // A request that was running on the thread when it ended gets 500, no other.
      expect([200, 500]).toContain(response.status);
    }
    await client.send(requestBytes("/id?id=end"));
    expect((await client.readResponse()).text).toBe("end");
  });

  test("tasks that a dying thread had not started go to others", async () => {
    const requests = Array.from({ length: 60 }, (_, index) =>
      exchange(server.port, index === 20 ? "/exit" : `/slow?ms=1&id=${index}`),
    );
    const responses = await Promise.all(requests);
    expect(responses.every(({ status }) => status === 200 || status === 500)).toBe(true);
    expect(responses[20]!.status).toBe(500);
    expect((await server.stats())!.backlog).toBe(0);
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
  });

  test("ten deaths in a row leave a working server", async () => {
    for (let index = 0; index < 10; index++) {
      expect((await exchange(server.port, "/exit")).status).toBe(500);
      expect((await exchange(server.port, `/id?id=${index}`)).text).toBe(String(index));
    }
    await eventually(
      "nothing in flight, and a thread",
      async () => (await server.stats())!,
      (stats) => stats.inFlight === 0 && stats.threads.alive >= 1,
    );
  }, 20_000);
});
