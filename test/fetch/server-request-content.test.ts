/** Headers and bodies of the Request that a handler gets. */
import { describe, expect, test } from "bun:test";
import { makeRequest } from "../../src/fetch/make-request.ts";
import { makeExchange } from "./recorder.ts";

function requestOf(text: string): Request {
  const { exchange, view } = makeExchange(text);
  return makeRequest(exchange, view) as unknown as Request;
}

const withFields = (...lines: string[]) =>
  requestOf(`GET / HTTP/1.1\r\nHost: a.example\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);

describe("headers", () => {
  test("names in lower case, sorted, values trimmed", () => {
    const { headers } = withFields("X-B:  two \t", "Accept: */*", "X-A:");
    expect([...headers]).toEqual([
      ["accept", "*/*"],
      ["host", "a.example"],
      ["x-a", ""],
      ["x-b", "two"],
    ]);
    expect(headers.get("X-b")).toBe("two");
  });

  test("repeated fields are joined, cookies with a semicolon", () => {
    const { headers } = withFields("X: 1", "Cookie: a=1", "X: 2", "cookie: b=2", "Accept: a", "Accept: b");
    expect([headers.get("x"), headers.get("cookie"), headers.get("accept")]).toEqual([
      "1, 2",
      "a=1; b=2",
      "a, b",
    ]);
  });

  test("values are decoded as latin-1", () => {
    expect(withFields("X: \xe4\xff\xc3\xa4").headers.get("x")).toBe("\xe4\xff\xc3\xa4");
  });

  test("can be changed, and stay one object", () => {
    const request = withFields("X: 1");
    request.headers.set("x", "changed");
    request.headers.append("y", "new");
    expect([request.headers.get("x"), request.headers.get("y")]).toEqual(["changed", "new"]);
    expect(request.headers).toBe(request.headers);
  });

  test("first looked at after the record is used again, they are whole", () => {
    const { exchange, view, recorder } = makeExchange("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
    const request = makeRequest(exchange, view);
    exchange.keep();
    recorder.record.fill(0x41);
    expect(request.headers.get("x")).toBe("1");
  });

  test("first looked at after the answer they are gone; looked at before, they stay", () => {
    for (const isLookedAt of [false, true]) {
      const { exchange, view } = makeExchange("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
      const request = makeRequest(exchange, view);
      if (isLookedAt) request.headers;
      exchange.answer("done", null, 0);
      expect(request.headers.get("x")).toBe(isLookedAt ? "1" : null);
    }
  });

  test("all that a head can hold", () => {
    const lines = Array.from({ length: 197 }, (_, index) => `field-${index}: value ${index}`);
    const { headers } = withFields(...lines);
    expect(Array.from({ length: 197 }, (_, index) => headers.get(`field-${index}`))).toEqual(
      Array.from({ length: 197 }, (_, index) => `value ${index}`),
    );
  });
});

describe("a body that came with its head", () => {
  const post = (body: string, type = "text/plain") =>
    requestOf(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );

  test("as text, json, bytes, blob, buffer and stream", async () => {
    const json = '{"a":[1]}';
    expect(await post(json).text()).toBe(json);
    expect(await post(json).json()).toEqual({ a: [1] });
    expect(Buffer.from(await post(json).bytes()).toString()).toBe(json);
    expect(Buffer.from(await post(json).arrayBuffer()).toString()).toBe(json);
    const blob = await post(json, "application/x-test").blob();
    expect([await blob.text(), blob.type]).toEqual([json, "application/x-test"]);
    expect(await new Response(post(json).body).text()).toBe(json);
  });

  test("as a form, by its content type", async () => {
    const form = await post("a=1&b=%20", "application/x-www-form-urlencoded").formData();
    expect([form.get("a"), form.get("b")]).toEqual(["1", " "]);
    const parts = '--B\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\nfile\r\n--B--\r\n';
    const file = (await post(parts, "multipart/form-data; boundary=B").formData()).get("f") as File;
    expect([file.name, await file.text()]).toEqual(["n", "file"]);
  });

  test("is its own copy: the record may be used again", async () => {
    const { exchange, view, recorder } = makeExchange(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
    );
    const request = makeRequest(exchange, view) as unknown as Request;
    recorder.record.fill(0);
    expect(await request.text()).toBe("body");
  });

  test("is null where there is none, and for GET and HEAD", () => {
    for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
      expect(requestOf(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).body).toBeNull();
    }
    expect(post("").body).toBeNull();
    expect(requestOf("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody").body).toBeNull();
  });

  test("can be read once", async () => {
    const request = post("once");
    expect(request.bodyUsed).toBe(false);
    await request.text();
    expect(request.bodyUsed).toBe(true);
    const error = await request.text().then(
      () => null,
      (reason) => reason,
    );
    expect([error.name, error.code]).toEqual(["TypeError", "ERR_BODY_ALREADY_USED"]);
  });
});
