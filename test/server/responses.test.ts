/** The response side of the wire (BUN-SERVE.md section 8), in every mode. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BINARY } from "../fixtures/app.ts";
import { exchange, requestBytes } from "../support/exchange.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startServer, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const TEXT = "text/plain;charset=utf-8";
const DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

afterAll(stopAll);

describe.each(MODES)("%s", (mode) => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer(mode);
  });
  const get = (target: string) => exchange(server.port, target);

  const BODIES: readonly [route: string, type: string | undefined, body: string][] = [
    ["/hello", TEXT, "hello"],
    ["/number", TEXT, "42"],
    ["/unicode", TEXT, "h\u00e9llo \u{1f600}"],
    ["/json", "application/json;charset=utf-8", '{"a":1,"b":[true,null]}'],
    ["/empty", undefined, ""],
    ["/null", undefined, ""],
    ["/none", undefined, ""],
    ["/blob", "text/x-blob", "blob"],
    ["/blob-untyped", TEXT, "blob"],
    ["/urlsearch", "application/x-www-form-urlencoded;charset=UTF-8", "a=1&b=x+y"],
    ["/own-type", "text/html", "<p>"],
    ["/promise", TEXT, "promised"],
  ];
  test.each(BODIES)("%s has its type, length and date", async (route, type, body) => {
    const response = await get(route);
    expect(response.status).toBe(200);
    expect<string | undefined>(response.headers["content-type"]).toBe(type);
    expect(response.text).toBe(body);
    expect(response.headers["content-length"]).toBe(String(Buffer.byteLength(body)));
    expect(response.headers.date).toMatch(DATE);
    expect(response.headers).not.toHaveProperty("connection");
    expect(response.headers).not.toHaveProperty("server");
  });

  const BYTES: readonly [route: string, start: number, end: number][] = [
    ["/binary", 0, 512],
    ["/array-buffer", 0, 512],
    ["/view", 16, 48],
  ];
  test.each(BYTES)("%s arrives byte for byte", async (route, start, end) => {
    const response = await get(route);
    expect(response.headers["content-type"]).toBe("application/octet-stream");
    expect(response.body).toEqual(Buffer.from(BINARY.subarray(start, end)));
  });

  test("a form is multipart with its boundary", async () => {
    const response = await get("/formdata");
    const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(response.headers["content-type"]!)?.[1];
    expect(boundary).toBeDefined();
    expect(response.text).toContain(`--${boundary}`);
    expect(response.text).toContain('name="name"');
  });

  test("a file arrives with its type", async () => {
    const response = await get("/file");
    expect(response.headers["content-type"]).toBe(TEXT);
    expect(response.text).toBe("hello from a file\n");
  });

  test("a stream arrives whole, in HTTP/1.1 chunked", async () => {
    const response = await get("/stream");
    expect(response.framing).toBe("chunked");
    expect(response.text).toBe("chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n");
  });

  test("a stream to an HTTP/1.0 client is sent raw and ended by FIN", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send("GET /stream HTTP/1.0\r\n\r\n");
    const response = await client.readResponse();
    expect(response.framing).toBe("close");
    expect(response.text).toBe("chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n");
  });

  test("a stream that fails is cut, so that the client can tell", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes("/stream-error"));
    const bytes = (await client.readUntilClose()).toString("latin1");
    expect(bytes).not.toContain("\r\n0\r\n\r\n");
    expect(bytes).not.toContain("chunk 2");
  });

  const SIZES: readonly number[] = [0, 1, 1000, 16_383, 16_384, 65_536, 65_537, 1_000_000, 5_000_000];
  test.each(SIZES)("a body of %d bytes arrives whole", async (size) => {
    const response = await get(`/bytes/${size}`);
    expect(response.body.length).toBe(size);
    expect(response.body.every((byte) => byte === 0x62)).toBe(true);
  });

  const STATUSES: readonly [status: number, reason: string][] = [
    [201, "Created"],
    [202, "Accepted"],
    [299, "HM"],
    [400, "Bad Request"],
    [404, "Not Found"],
    [413, "Payload Too Large"],
    [418, "I'm a Teapot"],
    [451, "Unavailable For Legal Reasons"],
    [500, "Internal Server Error"],
    [599, "HM"],
  ];
  test.each(STATUSES)("status %d %s", async (status, reason) => {
    const response = await get(`/status/${status}`);
    expect([response.status, response.reason, response.text]).toEqual([status, reason, `status ${status}`]);
  });

  test.each([204, 304])("status %d has no body, and the connection goes on", async (status) => {
    await using client = await RawClient.connect(server.port);
    await client.send(Buffer.concat([requestBytes(`/status/${status}`), requestBytes("/hello")]));
    const response = await client.readResponse();
    expect(response.status).toBe(status);
    expect(response.headers).not.toHaveProperty("content-length");
    expect((await client.readResponse()).text).toBe("hello");
  });

  test("status 205 has an empty body", async () => {
    const response = await get("/status/205");
    expect([response.status, response.headers["content-length"]]).toEqual([205, "0"]);
  });

  test("HEAD has the length and no body, and the connection goes on", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send(Buffer.concat([requestBytes("/hello", { method: "HEAD" }), requestBytes("/hello")]));
    const head = await client.readResponse({ method: "HEAD" });
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([200, "5", 0]);
    expect((await client.readResponse()).text).toBe("hello");
  });

  test("Set-Cookie lines stay apart; other repeated fields are joined", async () => {
    const cookies = await get("/set-cookie");
    expect(cookies.cookies).toEqual(["a=1; Path=/", "b=2"]);
    expect(cookies.headers["x-a"]).toBe("1");
    const repeated = await get("/repeated-header");
    expect(repeated.lines.filter((line) => /^x-many:/i.test(line)).length).toBe(1);
    expect(repeated.headers["x-many"]).toBe("1, 2");
  });

  test.skipIf(isBunTarget)(
    "names of fields go out in lower case: well-known ones, then others as they were set",
    async () => {
      const { lines } = await exchange(server.port, "/mixed-case");
      const names = lines.slice(1).map((line) => line.split(":")[0]);
      expect(names.slice(0, 3).sort()).toEqual(["content-type", "etag", "set-cookie"]);
      expect(names.slice(3)).toEqual(["x-zulu", "x-a", "Date", "Content-Length"]);
    },
  );

  test("field values are latin-1", async () => {
    expect((await get("/latin1-header")).headers["x-latin1"]).toBe("caf\u00e9");
  });

  test("a handler's length and coding do not break the framing", async () => {
    const response = await get("/own-headers");
    expect([response.framing, response.text]).toEqual(["length", "hello"]);
    expect(response.headers["content-encoding"]).toBe("identity");
  });

  test("a handler's Date replaces the server's", async () => {
    expect((await get("/own-date")).headers.date).toBe("Thu, 01 Jan 1970 00:00:00 GMT");
  });

  test("a redirect", async () => {
    const response = await get("/redirect");
    expect([response.status, response.reason, response.headers.location]).toEqual([302, "Found", "/hello"]);
  });

  test.skipIf(isBunTarget)("a response that was sent before is an error, not a hang", async () => {
    const statuses: number[] = [];
    // Each handler thread has a response of its own: ask often enough that one is asked twice.
    for (let index = 0; index < 40; index++) statuses.push((await get("/same-response")).status);
    expect(statuses[0]).toBe(200);
    expect(statuses).toContain(500);
  });
});
