/**
 * Pipelined requests: answered in order whatever they take, run in parallel, bounded in number. The real Bun.serve
 * closes the connection when a second request comes while an answer is pending (BUN-SERVE.md section 6.6), so most of
 * this file runs against epollo alone.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { requestBytes } from "../support/exchange.ts";
import { notesOf, uniqueMark } from "../support/journal.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startServer, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

afterAll(stopAll);

describe.each(MODES)("%s", (mode) => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer(mode);
  });
  const pipeline = (targets: readonly string[]): Buffer =>
    Buffer.concat(targets.map((target) => requestBytes(target)));

  test("twenty requests in one piece are answered in order", async () => {
    await using client = await RawClient.connect(server.port);
    const ids = Array.from({ length: 20 }, (_, index) => String(index));
    await client.send(pipeline(ids.map((id) => `/id?id=${id}`)));
    for (const id of ids) expect((await client.readResponse()).text).toBe(id);
  });

  test.skipIf(isBunTarget)("the slow first is answered before the fast second", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send(
      pipeline(["/slow?ms=60&id=first", "/id?id=second", "/slow?ms=5&id=third", "/id?id=fourth"]),
    );
    const texts: string[] = [];
    for (let index = 0; index < 4; index++) texts.push((await client.readResponse()).text);
    expect(texts).toEqual(["first", "second", "third", "fourth"]);
  });

  test.skipIf(isBunTarget)("requests of one connection run at the same time", async () => {
    await using client = await RawClient.connect(server.port);
    const marks = [uniqueMark(), uniqueMark(), uniqueMark()];
    await client.send(pipeline(marks.map((mark) => `/finish?ms=300&mark=${mark}`)));
    await eventually(
      "all three to have started",
      () => marks.filter((mark) => notesOf(mark).some((line) => line.startsWith("started"))).length,
      (started) => started === 3,
    );
    // Structural, not a matter of time: no answer was there when the last of them had started.
    expect(client.unread.length).toBe(0);
    for (const _ of marks) expect((await client.readResponse()).text).toBe("finished");
  });

  test.skipIf(isBunTarget)(
    "a client that pipelines without end is read no further than a bound",
    async () => {
      await using client = await RawClient.connect(server.port);
      const mark = uniqueMark();
      const count = 5000;
      const sending = client.send(pipeline(new Array(count).fill(`/finish?ms=200&mark=${mark}`)));
      await eventually(
        "some to start",
        () => notesOf(`started ${mark}`).length,
        (started) => started > 0,
      );
      const inFlight = (await server.stats())!.inFlight;
      expect(inFlight).toBeGreaterThan(0);
      expect(inFlight).toBeLessThan(count / 2);
      client.reset();
      await sending;
      await eventually(
        "nothing in flight",
        async () => (await server.stats())!.inFlight,
        (left) => left === 0,
      );
    },
  );

  test.skipIf(isBunTarget)("bodies, HEAD and empty answers in one pipeline keep their places", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send(
      Buffer.concat([
        requestBytes("/slow?ms=20&id=a"),
        requestBytes("/body", { method: "POST", body: "b".repeat(100_000) }),
        requestBytes("/hello", { method: "HEAD" }),
        requestBytes("/status/204"),
        requestBytes("/stream"),
        requestBytes("/bytes/300000"),
        requestBytes("/id?id=end"),
      ]),
      { splits: { every: 30_000 } },
    );
    expect((await client.readResponse()).text).toBe("a");
    expect((await client.readResponse()).text).toBe("b".repeat(100_000));
    expect((await client.readResponse({ method: "HEAD" })).headers["content-length"]).toBe("5");
    expect((await client.readResponse()).status).toBe(204);
    expect((await client.readResponse()).framing).toBe("chunked");
    expect((await client.readResponse()).body.length).toBe(300_000);
    expect((await client.readResponse()).text).toBe("end");
  });

  test("a bad request after good ones is answered last, then FIN", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send(Buffer.concat([pipeline(["/id?id=1", "/id?id=2"]), Buffer.from("BAD\r\n\r\n")]));
    const responses = await client.readResponsesUntilClose();
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 400]);
    expect(client.ending).toBe("fin");
  });
});
