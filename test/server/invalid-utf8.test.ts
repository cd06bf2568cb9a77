/** Bytes that are no UTF-8, wherever a request can carry some: the handler sees what Bun.serve's sees, nothing breaks. */
import { afterAll, expect, test } from "bun:test";
import { requestBytes } from "../support/exchange.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, startServer, stopAll } from "../support/servers.ts";

afterAll(stopAll);

const BAD = "\xff\xfe\xc3\x28\x80";
const body = Buffer.from(BAD, "latin1");

test.each([...MODES])("%s", async (mode) => {
  await using server = await startServer(mode, { development: false, hasErrorHandler: true });
  const cases: readonly [request: Buffer, status: number, holds: (text: string) => boolean][] = [
    [requestBytes(`/echo?a=${BAD}`), 200, (text) => new URL(JSON.parse(text).url).search.length > 3],
    [requestBytes("/echo?a=%FF%FE%C3(%80"), 200, (text) => JSON.parse(text).url.endsWith("a=%FF%FE%C3(%80")],
    [requestBytes("/echo", { fields: [`X: ${BAD}`] }), 200, (text) => JSON.parse(text).headers.x === BAD],
    [
      requestBytes("/echo", { fields: [`Cookie: a=${BAD}`] }),
      200,
      (text) => JSON.parse(text).headers.cookie === `a=${BAD}`,
    ],
    [
      requestBytes("/echo", { method: "POST", body }),
      200,
      (text) => JSON.parse(text).body === "\ufffd\ufffd\ufffd(\ufffd",
    ],
    [requestBytes("/body", { method: "POST", body }), 200, (text) => text.length > 0],
    [requestBytes("/body-json", { method: "POST", body }), 599, () => true],
    [
      requestBytes("/body-form", {
        method: "POST",
        body: Buffer.concat([Buffer.from("a="), body]),
        fields: ["Content-Type: application/x-www-form-urlencoded"],
      }),
      200,
      (text) => JSON.parse(text).a.includes("\ufffd"),
    ],
    [
      requestBytes("/body-form", {
        method: "POST",
        body,
        fields: [`Content-Type: multipart/form-data; boundary=${BAD}`],
      }),
      599,
      () => true,
    ],
  ];
  await using client = await RawClient.connect(server.port);
  for (const [index, [request, status, holds]] of cases.entries()) {
    // `requestBytes` makes latin-1 of its head.
    await client.send(request);
    const response = await client.readResponse();
    expect([index, response.status, holds(response.text)]).toEqual([index, status, true]);
  }
  await client.send(requestBytes("/hello"));
  expect((await client.readResponse()).text).toBe("hello");
});
