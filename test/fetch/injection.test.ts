/**
 * Header injection: what a handler puts into an answer's head cannot end a field or the head. Native `Headers`, `Response` and
 * `Bun.Cookie` refuse CR, LF and NUL; here is shown that they do, and that what goes around them is safe too.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange } from "../support/exchange.ts";
import { startClosure, stopAll } from "../support/servers.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-injection-"));
afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

const BAD = ["\r", "\n", "\r\nx-evil: 1", "\0"];

describe.each(BAD)("%j", (bad) => {
  test("is refused in field values and names", () => {
    expect(() => new Headers({ a: `x${bad}y` })).toThrow();
    expect(() => new Headers([[`a${bad}`, "x"]])).toThrow();
    expect(() => new Headers().append("a", `x${bad}y`)).toThrow();
    expect(() => new Response("", { headers: { a: `x${bad}y` } })).toThrow();
  });

  test("of a handler never gets on the wire", async () => {
    const file = join(folder, "a.bin");
    writeFileSync(file, "content");
    const makers: ((request: Bun.BunRequest) => Response)[] = [
      () => new Response("a", { headers: { a: `x${bad}y` } }),
      () => new Response("a", { statusText: `OK${bad}y` }),
      () => Response.redirect(`http://a/x${bad}y`),
      () => new Response(new Blob(["a"], { type: `text/plain${bad}y` })),
      () => new Response(Bun.file(file, { type: `text/plain${bad}y` })),
      () => new Response(new File(["a"], `x${bad}y.bin`, { type: "application/x" })),
      (request) => {
        request.cookies.set("a", `x${bad}y`);
        return new Response("a");
      },
      (request) => {
        request.cookies.set(`a${bad}y`, "x");
        return new Response("a");
      },
      (request) => {
        request.cookies.set("a", "x", { path: `/${bad}y`, domain: `a${bad}y` });
        return new Response("a");
      },
    ];
    const routes = Object.fromEntries(makers.map((make, index) => [`/${index}`, make]));
    await using server = startClosure({ development: false, routes, error: () => new Response("refused") });
    for (const index of makers.keys()) {
      const response = await exchange(server.port, `/${index}`);
      // The parser of these answers takes no bare CR or LF and no line without a colon.
      expect([index, response.headers["x-evil"]]).toEqual([index, undefined as never]);
      expect([response.reason, ...Object.values(response.headers)].join("")).not.toMatch(/[\r\n\0]/);
    }
  });
});

test("a file whose name has them is sent without its name, or not found", async () => {
  for (const name of ["a\r\nx-evil: 1.bin", 'a".bin', "a\n.bin"]) {
    const path = join(folder, name);
    writeFileSync(path, "content");
    await using server = startClosure({
      routes: { "/route": Bun.file(path), "/dir/*": { dir: folder } },
      fetch: () => new Response(Bun.file(path)),
    });
    for (const target of ["/route", "/handler", `/dir/${encodeURIComponent(name)}`]) {
      const { status, headers } = await exchange(server.port, target);
      expect([200, 404]).toContain(status);
      expect([target, headers["x-evil"]]).toEqual([target, undefined as never]);
      expect(headers["content-disposition"] ?? "").not.toMatch(/evil|\n/);
    }
  }
});

test("a directory's redirect cannot be made to carry a field", async () => {
  await using server = startClosure({
    routes: { "/dir/*": { dir: folder } },
    fetch: () => new Response("none"),
  });
  for (const target of ["/dir/..%0d%0ax-evil:%201", "/dir/%0d%0ax-evil:1/", "/dir?%0d%0ax-evil:1"]) {
    const { headers } = await exchange(server.port, target);
    expect(headers["x-evil"]).toBeUndefined();
  }
});

test("fields of another server's answer that is passed on carry none either", async () => {
  const values = ["a\rb", "a\0b", "a\r\n b", "a\x7fb"];
  const upstream = Bun.listen<{ input: string }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        const value = values[Number(/GET \/(\d)/.exec(bytes.toString())?.[1])]!;
        socket.end(`HTTP/1.1 200 OK\r\nX: ${value}\r\nContent-Length: 1\r\n\r\na`);
      },
    },
  });
  await using server = startClosure({
    development: false,
    fetch: (request: Request) => fetch(`http://127.0.0.1:${upstream.port}${new URL(request.url).pathname}`),
    error: () => new Response("refused", { status: 502 }),
  });
  for (const index of values.keys()) {
    const { status, headers } = await exchange(server.port, `/${index}`);
    expect([200, 502]).toContain(status);
    expect([index, headers["x-evil"]]).toEqual([index, undefined as never]);
    expect(Object.values(headers).join("")).not.toMatch(/[\r\n\0]/);
  }
  upstream.stop(true);
});
