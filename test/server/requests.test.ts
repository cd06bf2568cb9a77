/** What a handler sees of a request (BUN-SERVE.md section 7), in every mode. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { exchange, type RequestParts, requestBytes } from "../support/exchange.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startServer, stopAll } from "../support/servers.ts";

afterAll(stopAll);

describe.each(MODES)("%s", (mode) => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer(mode);
  });
  const ask = (target: string, parts: RequestParts = {}) => exchange(server.port, target, parts);
  const post = (target: string, body: string | Uint8Array, fields: string[] = []) =>
    ask(target, { method: "POST", body, fields });

  test("method, url, fields and body", async () => {
    const response = await post("/echo?a=b%20c", "the body", ["X-One: 1", "X-Two:  2 "]);
    expect(JSON.parse(response.text)).toEqual({
      method: "POST",
      url: "http://test.local/echo?a=b%20c",
      headers: { host: "test.local", "content-length": "8", "x-one": "1", "x-two": "2" },
      body: "the body",
    });
  });

  test("the constants of a Request, this and the server argument", async () => {
    expect(JSON.parse((await ask("/request-facts")).text)).toEqual({
      tag: "[object Request]",
      isRequest: true,
      ownKeys: 0,
      redirect: "follow",
      mode: "cors",
      credentials: "include",
      cache: "default",
      signalAborted: false,
      isThisServer: true,
      hasServer: "function",
    });
  });

  const READERS: readonly [route: string, body: string, fields: string[], answer: string][] = [
    ["/body", "raw", [], "raw"],
    ["/body-length", "12345", [], "5"],
    ["/body-json", '{"a":[1,2]}', [], '{"a":[1,2]}'],
    ["/body-form", "a=1&b=x+y", ["Content-Type: application/x-www-form-urlencoded"], '{"a":"1","b":"x y"}'],
    ["/body-blob", "blob", ["Content-Type: text/x-test"], "blob"],
    ["/body-stream", "stream", [], "6"],
    ["/clone", "ab", [], "ab+ab"],
    ["/body-null", "x", [], "false"],
  ];
  test.each(READERS)("%s reads a body", async (route, body, fields, answer) => {
    const response = await post(route, body, fields);
    expect([response.status, response.text]).toEqual([200, answer]);
  });

  test("a multipart form", async () => {
    const boundary = "----epollo";
    const body = `--${boundary}\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n--${boundary}--\r\n`;
    const response = await post("/body-form", body, [
      `Content-Type: multipart/form-data; boundary=${boundary}`,
    ]);
    expect(JSON.parse(response.text)).toEqual({ field: "value" });
  });

  test("a second read is refused", async () => {
    expect((await post("/body-twice", "x")).text).toBe("TypeError ERR_BODY_ALREADY_USED Body already used");
  });

  test("no body, an empty one, and that of a GET are null", async () => {
    expect((await ask("/body-null")).text).toBe("true");
    expect((await ask("/body-null", { method: "POST" })).text).toBe("true");
    expect((await post("/body-null", "")).text).toBe("true");
    expect((await ask("/body-null", { method: "GET", body: "dropped" })).text).toBe("true");
    expect((await ask("/body-null", { method: "DELETE", body: "kept" })).text).toBe("false");
  });

  test("every byte value passes in both directions", async () => {
    const bytes = Uint8Array.from({ length: 65_536 }, (_, index) => (index * 31) & 255);
    expect((await post("/body", bytes)).body).toEqual(Buffer.from(bytes));
  });

  test.each([1, 1000, 65_536, 1_000_000, 8_000_000])("a body of %d bytes arrives whole", async (size) => {
    const bytes = Buffer.alloc(size, "0123456789");
    const response = await post("/body", bytes);
    expect(response.body.length).toBe(size);
    expect(Buffer.compare(response.body, bytes)).toBe(0);
  });

  test("a chunked body is decoded", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
      { splits: "bytes" },
    );
    expect(JSON.parse((await client.readResponse()).text).body).toBe("abcdefg");
  });

  test("a body that the handler does not read does not stop the next request", async () => {
    await using client = await RawClient.connect(server.port);
    const body = Buffer.alloc(3_000_000, "u");
    const sending = client.send(
      Buffer.concat([requestBytes("/body-unread", { method: "POST", body }), requestBytes("/hello")]),
    );
    expect((await client.readResponse()).text).toBe("unread");
    expect((await client.readResponse()).text).toBe("hello");
    await sending;
  });

  test("fields can be changed by the handler", async () => {
    expect((await ask("/headers-mutable")).text).toBe("yes");
  });

  test("requestIP gives the address and port of the client", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes("/ip"));
    expect(JSON.parse((await client.readResponse()).text)).toEqual({
      address: "127.0.0.1",
      family: "IPv4",
      port: client.localPort,
    });
  });

  test("a Host that makes no url leaves the target alone", async () => {
    await using client = await RawClient.connect(server.port);
    await client.send("GET /echo?x HTTP/1.0\r\n\r\n");
    expect(JSON.parse((await client.readResponse()).text).url).toBe("/echo?x");
  });
});
