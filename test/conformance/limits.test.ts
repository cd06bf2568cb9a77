/** Sizes that are too large, or never end: 413, 414 and 431 (BUN-SERVE.md sections 6.1 and 6.5). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type CountingServer,
  casesFor,
  expectAccepted,
  expectRefused,
  startCounting,
} from "../support/conformance.ts";
import { RawClient } from "../support/raw-client.ts";
import { stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const BODY_LIMIT = 1000;
let counting: CountingServer;
beforeAll(() => {
  counting = startCounting({ maxRequestBodySize: BODY_LIMIT });
});
afterAll(stopAll);

/** A head of exactly so many bytes, the last line end included. */
function headOf(byteLength: number): string {
  const start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  return `${start}${"x".repeat(byteLength - start.length - 4)}\r\n\r\n`;
}

/** A head of so many field lines. */
function fieldsOf(count: number): string {
  let head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (let index = 1; index < count; index++) head += `X-${index}: a\r\n`;
  return `${head}\r\n`;
}

const REFUSED: readonly [name: string, bytes: string, status: number][] = [
  ["a head of 16,385 bytes", headOf(16_385), 431],
  ["a head of 100,000 bytes", headOf(100_000), 431],
  ["a head without an end", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}`, 431],
  ["199 fields", fieldsOf(199), 431],
  ["2,000 fields", fieldsOf(2000), 431],
  ["a target of 20,000 bytes", `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  ["a target without an end", `GET /${"x".repeat(20_000)}`, 414],
  [
    "a length above the limit",
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_LIMIT + 1}\r\n\r\n`,
    413,
  ],
  ["a huge length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740991\r\n\r\n", 413],
];
const refused = casesFor(REFUSED, ["a target of 20,000 bytes", "a target without an end"]);

describe("refuses", () => {
  test.each(refused)("%s", (_name, bytes, status) => expectRefused(counting, bytes, status));

  test.each(refused)("%s, in pieces of 1,000 bytes", (_name, bytes, status) =>
    expectRefused(counting, bytes, status, { splits: { every: 1000 } }),
  );
});

describe("accepts", () => {
  test("a head of 16,384 bytes", async () => {
    await expectAccepted(counting, headOf(16_384));
  });

  test("a head of 16,384 bytes, in pieces of 100", async () => {
    await expectAccepted(counting, headOf(16_384), { splits: { every: 100 } });
  });

  test("198 fields", async () => {
    const [seen] = await expectAccepted(counting, fieldsOf(198));
    expect(Object.keys(seen!.headers).length).toBe(198);
  });

  test("a body as large as the limit", async () => {
    const body = "b".repeat(BODY_LIMIT);
    const [seen] = await expectAccepted(
      counting,
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_LIMIT}\r\n\r\n${body}`,
    );
    expect(seen!.body).toBe(body);
  });
});

describe("chunked bodies", () => {
  const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const chunk = `64\r\n${"c".repeat(100)}\r\n`;

  test("one as large as the limit is accepted", async () => {
    const [seen] = await expectAccepted(counting, `${HEAD}${chunk.repeat(10)}0\r\n\r\n`);
    expect(seen!.body.length).toBe(BODY_LIMIT);
  });

  test("one above it is refused with 413", () =>
    expectRefused(counting, `${HEAD}${chunk.repeat(11)}0\r\n\r\n`, 413, { mayHaveBeenCalled: true }));

  test("one that never ends is refused with 413", () =>
    expectRefused(counting, HEAD + chunk.repeat(200), 413, {
      splits: { every: 1060 },
      mayHaveBeenCalled: true,
    }));

  test.skipIf(isBunTarget)("an extension without end is refused with 413", async () => {
    await using client = await RawClient.connect(counting.server.port);
    await client.send(`${HEAD}5;${"x".repeat(200_000)}`, { splits: { every: 4096 }, untilAnswered: true });
    const response = await client.readResponse({ acceptsReset: true });
    expect(response.status).toBe(413);
  });

  test.skipIf(isBunTarget)("trailers without end are refused with 431", async () => {
    await using client = await RawClient.connect(counting.server.port);
    await client.send(`${HEAD}0\r\n${"X-Trailer: a\r\n".repeat(20_000)}`, {
      splits: { every: 4096 },
      untilAnswered: true,
    });
    const response = await client.readResponse({ acceptsReset: true });
    expect(response.status).toBe(431);
  });
});
