/** Clients that vanish (BUN-SERVE.md section 10.3): signals abort, and slots, bytes and descriptors are freed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { notesOf, uniqueMark } from "../support/journal.ts";
import { eventually, socketCount } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startInChild, stopAll } from "../support/servers.ts";

afterAll(stopAll);

describe.each(MODES)("%s", (mode) => {
  let server: RunningServer;
  beforeAll(async () => {
    // In a child in every mode, so that its sockets can be counted apart from the test's own.
    server = await startInChild(mode, { development: false });
    await exchange(server.port, "/hello");
  });

  const settled = async (): Promise<void> => {
    await eventually(
      "no pending request",
      () => server.pendingRequests(),
      (count) => count === 0,
    );
    const stats = async (): Promise<number> => {
      const counters = await server.stats();
      return counters === null ? 0 : counters.inFlight + counters.connections + counters.backlog;
    };
    await eventually("nothing in flight and no connection", stats, (left) => left === 0);
  };
  const noteOf = (word: string): Promise<string[]> =>
    eventually(
      `a note "${word}"`,
      () => notesOf(word),
      (lines) => lines.length > 0,
    );

  const WAYS: readonly [name: string, leave: (client: RawClient) => void][] = [
    ["FIN", (client) => client.close()],
    ["RST", (client) => client.reset()],
  ];
  test.each([...WAYS])("the signal of a pending request aborts on %s", async (_name, leave) => {
    const mark = uniqueMark();
    const client = await RawClient.connect(server.port);
    await client.send(requestBytes(`/abort?mark=${mark}`));
    await noteOf(`started ${mark}`);
    leave(client);
    expect(await noteOf(`aborted ${mark}`)).toEqual([`aborted ${mark} AbortError`]);
    await settled();
  });

  test.each([...WAYS])("so it does behind a long answer, on %s", async (_name, leave) => {
    const mark = uniqueMark();
    const client = await RawClient.connect(server.port);
    await client.send(requestBytes("/bytes/1000000"));
    expect((await client.readResponse()).body.length).toBe(1_000_000);
    await client.send(requestBytes(`/abort?mark=${mark}`));
    await noteOf(`started ${mark}`);
    leave(client);
    expect(await noteOf(`aborted ${mark}`)).toEqual([`aborted ${mark} AbortError`]);
    await settled();
  });

  test("those of two that were sent ahead abort when the end came with them, behind a long answer", async () => {
    const marks = [uniqueMark(), uniqueMark()];
    const client = await RawClient.connect(server.port);
    await client.send(requestBytes("/bytes/1000000"));
    await client.readResponse();
    await client.send(Buffer.concat(marks.map((mark) => requestBytes(`/abort?mark=${mark}`))));
    // Not `close`: what is answered first would meet a reset, and the other one might never start.
    client.halfClose();
    for (const mark of marks) expect(await noteOf(`aborted ${mark}`)).toEqual([`aborted ${mark} AbortError`]);
    client.close();
    await settled();
  });

  test("a completed request's signal does not abort", async () => {
    const mark = uniqueMark();
    const client = await RawClient.connect(server.port);
    await client.send(requestBytes(`/hello?mark=${mark}`));
    await client.readResponse();
    client.reset();
    await settled();
    expect(notesOf(`aborted ${mark}`)).toEqual([]);
  });

  test("a handler that never settles is forgotten with its client", async () => {
    const client = await RawClient.connect(server.port);
    await client.send(requestBytes("/never"));
    await eventually(
      "it to be pending",
      () => server.pendingRequests(),
      (count) => count === 1,
    );
    client.reset();
    await settled();
  });

  const CUTS: readonly [name: string, bytes: string][] = [
    ["nothing", ""],
    ["half a request line", "GET /hel"],
    ["half a head", "GET /hello HTTP/1.1\r\nHost: a\r\nX: "],
    ["half a body", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc"],
    ["half a chunk", "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"],
  ];
  test.each([...CUTS])("clients that leave after %s leave nothing behind", async (_name, bytes) => {
    const before = socketCount(server.pid);
    for (const [, leave] of WAYS) {
      const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(server.port)));
      await Promise.all(clients.map((client) => client.send(bytes)));
      await Bun.sleep(10);
      for (const client of clients) leave(client);
    }
    await settled();
    await eventually(
      "the sockets to be closed",
      () => socketCount(server.pid),
      (count) => count <= before,
    );
  });

  test("clients that leave in the middle of a large answer leave nothing behind", async () => {
    const before = socketCount(server.pid);
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(server.port)));
    await Promise.all(clients.map((client) => client.send(requestBytes("/bytes/20000000"))));
    await Promise.all(clients.map((client) => client.readExactly(100_000)));
    clients.forEach((client, index) => {
      WAYS[index % 2]![1](client);
    });
    await settled();
    await eventually(
      "the sockets to be closed",
      () => socketCount(server.pid),
      (count) => count <= before,
    );
    expect((await exchange(server.port, "/bytes/1000")).body.length).toBe(1000);
  });

  test("a client that does not read for a while gets all of a large answer", async () => {
    await using client = await RawClient.connect(server.port);
    client.pause();
    await client.send(requestBytes("/bytes/20000000"));
    await Bun.sleep(100);
    expect((await exchange(server.port, "/hello")).text).toBe("hello");
    client.resume();
    const response = await client.readResponse();
    expect(response.body.length).toBe(20_000_000);
    expect(response.body.every((byte) => byte === 0x62)).toBe(true);
  });

  test("a hundred clients that come and go at once leave nothing behind", async () => {
    const before = socketCount(server.pid);
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const client = await RawClient.connect(server.port);
        await client.send(requestBytes(index % 3 === 0 ? "/slow?ms=30" : "/hello"));
        if (index % 2 === 0) await client.readResponse();
        WAYS[index % 2]![1](client);
      }),
    );
    await settled();
    await eventually(
      "the sockets to be closed",
      () => socketCount(server.pid),
      (count) => count <= before,
    );
  });
});

test.each(["main", "threads"])(
  "requests, responses, streams and closures of clients that have left are freed, pending for ever or not: %s",
  async (place) => {
    const program = new URL("../fixtures/leaving.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, program, place], { stdout: "pipe", stderr: "inherit" });
    const { before, after } = JSON.parse(await child.stdout.text());
    const { threads, begun, streams, cancelled, aborted, ...objects } = after as Record<string, number>;
    expect([threads, streams, cancelled]).toEqual([place === "main" ? 1 : 2, 2100, 2100]);
    // Of those that get no answer nobody outside of their thread knows whether they were begun before their client left.
    if (place === "main") expect(begun).toBe(3150);
    else expect(begun).toBeGreaterThan(2500);
    expect(aborted).toBe(begun);
    // Of 3000 requests none is held; a few objects more or less are the collector's.
    for (const [name, count] of Object.entries(objects)) {
      expect([name, count - before[name] < 100]).toEqual([name, true]);
    }
  },
  30_000,
);
