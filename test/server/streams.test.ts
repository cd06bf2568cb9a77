/** Bodies that flow, in both directions: event streams, back-pressure, disconnects, echoes, uploads nobody reads. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { exchange, requestBytes } from "../support/exchange.ts";
import { notesOf, uniqueMark } from "../support/journal.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, type Stats, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const MEBIBYTE = 1024 * 1024;

afterAll(stopAll);

describe.each(MODES)("%s", (mode) => {
  let server: RunningServer;
  beforeAll(async () => {
    // One handler thread: the gates and counts of the fixture are its own.
    server = await startInChild(mode, { entry: "features-entry.ts", threads: { min: 1, max: 1 } });
    await get("/pulls/none");
  });
  const get = (target: string) => exchange(server.port, target);
  const connect = async (target: string): Promise<RawClient> => {
    const client = await RawClient.connect(server.port);
    await client.send(requestBytes(target));
    return client;
  };
  const seen = async (client: RawClient, text: string): Promise<void> => {
    await eventually(
      `${JSON.stringify(text)} to arrive`,
      () => client.unread.toString("latin1"),
      (received) => received.includes(text),
    );
  };
  const noted = (text: string): Promise<string[]> =>
    eventually(
      `a note "${text}"`,
      () => notesOf(text),
      (lines) => lines.length > 0,
    );
  const isIdle = (stats: Stats | null): boolean =>
    stats === null || (stats.inFlight === 0 && stats.connections === 0 && stats.backlog === 0);
  const settled = async (): Promise<void> => {
    await eventually("idle counters", () => server.stats(), isIdle);
    expect(await server.pendingRequests()).toBe(0);
  };

  test("events arrive one by one: the next is produced when the last has been seen", async () => {
    const mark = uniqueMark();
    await using client = await connect(`/events/${mark}`);
    for (let index = 0; index < 5; index++) {
      // The generator waits for this gate, so nothing that comes later can push what is held back.
      if (index > 0) await get(`/open/${mark}-${index}`);
      await seen(client, `data: ${index}\n\n`);
      expect(client.unread.toString("latin1")).not.toContain(`data: ${index + 1}`);
    }
    const answer = await client.readResponse();
    expect([answer.framing, answer.headers["content-type"]]).toEqual(["chunked", "text/event-stream"]);
    expect([answer.chunkCount, answer.text.length]).toEqual([5, 5 * 9]);
    await client.send(requestBytes("/pulls/none"));
    expect((await client.readResponse()).text).toBe("0");
  });

  test("to an HTTP/1.0 client events go raw, one by one, up to the FIN", async () => {
    const mark = uniqueMark();
    await using client = await RawClient.connect(server.port);
    await client.send(`GET /events/${mark} HTTP/1.0\r\nHost: a\r\n\r\n`);
    for (let index = 0; index < 5; index++) {
      if (index > 0) await get(`/open/${mark}-${index}`);
      await seen(client, `data: ${index}\n\n`);
    }
    const answer = await client.readResponse();
    expect(answer.framing).toBe("close");
    expect(answer.headers).not.toHaveProperty("transfer-encoding");
    expect(answer.text).toBe([0, 1, 2, 3, 4].map((index) => `data: ${index}\n\n`).join(""));
    expect(client.ending).toBe("fin");
  });

  // Bun.serve pulls on and keeps everything in memory.
  test.skipIf(isBunTarget)("a client that does not read stops the producer, and goes on later", async () => {
    const mark = uniqueMark();
    const client = await connect(`/flood/${mark}`);
    await client.readExactly(100_000);
    client.pause();
    const pulled = async (): Promise<number> => Number((await get(`/pulls/${mark}`)).text);
    // The kernel's buffers take some MB; a producer that is not stopped makes more than that between two looks.
    let last = -1;
    let count = await pulled();
    for (let look = 0; look < 20 && count !== last; look++) {
      await Bun.sleep(100);
      last = count;
      count = await pulled();
    }
    expect(count).toBe(last);
    expect(count * 65_536).toBeLessThan(24 * MEBIBYTE);
    client.resume();
    await client.readExactly(32 * MEBIBYTE);
    expect(await pulled()).toBeGreaterThan(count);
    client.reset();
    await noted(`cancelled ${mark}`);
    await settled();
  });

  const WAYS: readonly [name: string, leave: (client: RawClient) => void][] = [
    ["FIN", (client) => client.close()],
    ["RST", (client) => client.reset()],
  ];
  test.each([...WAYS])(
    "a client that leaves by %s aborts the signal and ends the generator",
    async (_, leave) => {
      const mark = uniqueMark();
      const client = await connect(`/ticks/${mark}`);
      await seen(client, "data: 3\n\n");
      leave(client);
      await noted(`aborted ${mark}`);
      await noted(`finally ${mark}`);
      await settled();
    },
  );

  test.each([...WAYS])(
    "a client that leaves by %s cancels the stream, even one that waits for it",
    async (_, leave) => {
      const mark = uniqueMark();
      const client = await connect(`/flood/${mark}`);
      await client.readExactly(100_000);
      client.pause();
      await Bun.sleep(100);
      expect(notesOf(`cancelled ${mark}`)).toEqual([]);
      leave(client);
      await noted(`cancelled ${mark}`);
      expect(notesOf(`cancelled ${mark}`).length).toBe(1);
      await settled();
    },
  );

  test("500 event streams that are left leave nothing behind", async () => {
    for (let round = 0; round < 5; round++) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => connect("/quiet-ticks")));
      await Promise.all(clients.map((client) => seen(client, "data: 0\n\n")));
      clients.forEach((client, index) => {
        WAYS[index % 2]![1](client);
      });
    }
    await settled();
    expect((await get("/pulls/none")).text).toBe("0");
  });

  describe("a fetched Response that is passed through", () => {
    const cancelled: string[] = [];
    const upstream = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 30,
      fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/whole") {
          return new Response("u".repeat(300_000), { status: 203, headers: { "x-upstream": "yes" } });
        }
        const stream = new ReadableStream({
          async pull(controller) {
            await Bun.sleep(5);
            controller.enqueue("data: tick\n\n");
          },
          cancel: () => void cancelled.push(pathname),
        });
        return new Response(stream, { headers: { "content-type": "text/event-stream" } });
      },
    });
    afterAll(() => upstream.stop(true));
    const proxied = (path: string): string => `/proxy/?url=${encodeURIComponent(upstream.url + path)}`;

    test("arrives whole, with its status and fields", async () => {
      const answer = await get(proxied("whole"));
      expect([answer.status, answer.headers["x-upstream"], answer.text.length]).toEqual([
        203,
        "yes",
        300_000,
      ]);
    });

    test.each([...WAYS])("is cancelled upstream when the client leaves by %s", async (_, leave) => {
      const mark = uniqueMark();
      const client = await connect(proxied(mark));
      await seen(client, "data: tick\n\n");
      expect(cancelled).not.toContain(`/${mark}`);
      leave(client);
      await eventually(
        "the upstream to hear of it",
        () => cancelled,
        (paths) => paths.includes(`/${mark}`),
      );
      await settled();
    });
  });

  test("a form with a file of 5 MB is read, and the body of a clone beside its original", async () => {
    const file = crypto.getRandomValues(Buffer.alloc(65_536)).toString("latin1").repeat(80);
    const bytes = Buffer.from(file, "latin1");
    const hash = Bun.hash(bytes).toString();
    const form = new FormData();
    form.set("text", "beside it");
    form.set("file", new File([bytes], "random.bin"));
    const answer = await fetch(`${server.url}form/`, { method: "POST", body: form });
    expect(await answer.json()).toEqual({ name: "random.bin", size: bytes.length, text: "beside it", hash });
    const cloned = await fetch(`${server.url}clone/`, { method: "POST", body: bytes });
    expect(await cloned.json()).toEqual([hash, hash]);
  });

  test("an upload of 20 MB is sent back while it comes", async () => {
    await using client = await RawClient.connect(server.port);
    const body = Buffer.alloc(20_000_000);
    for (let at = 0; at < body.length; at += 4) body.writeUInt32LE(at, at);
    const sent = client.send(requestBytes("/echo", { method: "POST", body }));
    const answer = await client.readResponse();
    await sent;
    expect([answer.status, answer.body.length]).toEqual([200, body.length]);
    expect(answer.body.equals(body)).toBe(true);
    await client.send(requestBytes("/pulls/none"));
    expect((await client.readResponse()).text).toBe("0");
  });

  test("a chunked upload is sent back chunk by chunk, once it is longer than what waits for the whole", async () => {
    // A short one waits until it is complete (docs/compatibility.md).
    const words = ["first".padStart(70_000, "1"), "second", "third"];
    await using client = await RawClient.connect(server.port);
    await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const word of words) {
      await client.send(`${word.length.toString(16)}\r\n${word}\r\n`);
      await seen(client, word.slice(-8));
    }
    await client.send("0\r\n\r\n");
    expect((await client.readResponse()).text).toBe(words.join(""));
  });

  test("an upload that the handler does not read is stopped, and taken after the answer", async () => {
    const mark = uniqueMark();
    await using client = await RawClient.connect(server.port);
    let isSent = false;
    const upload = requestBytes(`/hold/${mark}`, { method: "POST", body: new Uint8Array(60_000_000) });
    const sent = client.send(upload).then(() => {
      isSent = true;
    });
    await noted(`holding ${mark}`);
    await Bun.sleep(200);
    expect(isSent).toBe(false);
    await get(`/open/${mark}`);
    expect((await client.readResponse()).text).toBe("not read");
    await sent;
    expect(client.ending).toBe("open");
    await client.send(requestBytes("/pulls/none"));
    expect((await client.readResponse()).text).toBe("0");
  });

  test("a stream that fails after the head resets the connection, and no other", async () => {
    await using other = await connect("/pulls/none");
    await using client = await connect("/failing");
    const bytes = (await client.readUntilClose()).toString("latin1");
    expect(bytes).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(bytes).not.toContain("\r\n0\r\n");
    expect(client.ending).toBe("reset");
    await other.readResponse();
    await other.send(requestBytes("/pulls/none"));
    expect((await other.readResponse()).text).toBe("0");
  });
});
