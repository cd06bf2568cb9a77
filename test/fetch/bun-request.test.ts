/** What BunRequest adds, against the real one. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  cookieFields,
  cookiesOf,
  decodeSegment,
  paramsOf,
  withCookieFields,
} from "../../src/fetch/bun-request.ts";
import { patternParams } from "../../src/fetch/router.ts";
import { exchange } from "../support/exchange.ts";

test("segments are decoded as Bun decodes them", async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: { "/:a/:b": (request) => Response.json(request.params) },
  });
  const fixed = [
    ..."%41 % %4 %zz %FF %E2%82 %e2%82%ac a+b %EF%BB%BFx %00 %ED%A0%80x %C0%80 %C1%BFx %E0%80%80x".split(" "),
    ..."%F0%9F%98x %F4%90%80%80x %F8%80%80%80%80x %80%80x %C3%C3%A9 %E2%E2%82%AC %4x %4xy %%41 %41% %41%4".split(
      " ",
    ),
    ..."%E2%8 %F0%9F%98%8x %C3%8 %F0%80%80%80x %4%41 %EF%BF%BF %F0%9F%98%80 %C3%A9%C3 %E2%82%zz".split(" "),
  ];
  const piece = fc.constantFrom(
    "%",
    "%C3",
    "%A9",
    "%E2",
    "%82",
    "%AC",
    "%F0",
    "%9F",
    "%98",
    "%80",
    "%ED",
    "%4",
    "a",
    "é",
  );
  const random = fc.sample(
    fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join("")),
    200,
  );
  for (const text of [...fixed, ...random]) {
    const target = Buffer.from(`/${text}/${text}`).toString("latin1");
    const { text: native } = await exchange(server.port!, target);
    const params = paramsOf(patternParams("/:a/:b"), `/${text}/${text}`);
    expect([text, JSON.stringify(params)]).toEqual([text, native]);
    expect(decodeSegment(text)).toBe(params.a!);
  }
});

test("params is an object without a prototype, with the route's names as its own", () => {
  const params = paramsOf(patternParams("/:__proto__/x/:constructor/*"), "/1/x/2/3/4");
  expect(Object.keys(params)).toEqual(["__proto__", "constructor"]);
  expect(Object.getPrototypeOf(params)).toBeNull();
  expect(Object.getPrototypeOf(paramsOf(patternParams("/a"), "/a"))).toBeNull();
  // A path that has fewer segments than its route is no reason to search for ever.
  expect({ ...paramsOf(patternParams("/a/:b/:c"), "/a/1") }).toEqual({ b: "1", c: "" });
});

test("cookies are read and written as Bun does", async () => {
  const change = (cookies: Bun.CookieMap): void => {
    cookies.set("a", "b c;");
    cookies.set("t", "d", { path: "/x", domain: "e.com", httpOnly: true, secure: true, maxAge: 60 });
    cookies.delete("old");
  };
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: {
      "/": (request) => {
        const given = JSON.stringify([...request.cookies]);
        change(request.cookies);
        return new Response(given, { headers: { "set-cookie": "manual=1", "x-a": "1" } });
      },
    },
  });
  for (const header of ["", "a=1; b=2", "a=%zz; =; ;;c;d=", "a=1,b=2", "a=\xe9", 'q="x"', "a=1; a=2"]) {
    const fields = header === "" ? [] : [`Cookie: ${header}`];
    const native = await exchange(server.port!, "/", { fields });
    const cookies = cookiesOf(header === "" ? null : header);
    expect([header, JSON.stringify([...cookies])]).toEqual([header, native.text]);
    expect(cookieFields(cookies)).toBe("");
    change(cookies);
    const head = "HTTP/1.1 200 OK\r\nset-cookie: manual=1\r\nx-a: 1\r\n\r\n";
    const lines = withCookieFields(head, cookieFields(cookies)).split("\r\n");
    expect(lines.filter((line) => /^set-cookie/i.test(line))).toEqual(
      native.lines.filter((line) => /^set-cookie/i.test(line)),
    );
    expect(lines.slice(0, 2)).toEqual(["HTTP/1.1 200 OK", "set-cookie: manual=1"]);
    expect(lines.slice(-3)).toEqual(["x-a: 1", "", ""]);
  }
});

test("a head without cookies stays as it is", () => {
  expect(cookieFields(null)).toBe("");
  expect(withCookieFields("HTTP/1.1 204 No Content\r\n\r\n", "")).toBe("HTTP/1.1 204 No Content\r\n\r\n");
  expect(withCookieFields("HTTP/1.1 204 No Content\r\n\r\n", "Set-Cookie: a=1\r\n")).toBe(
    "HTTP/1.1 204 No Content\r\nSet-Cookie: a=1\r\n\r\n",
  );
});
