/** textHandler under the real Bun.serve: any fetch server will do, so the reference server does. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TextRequest, textHandler } from "../../src/serve/text-handler.ts";

let server: Bun.Server<undefined>;
let last: TextRequest;
let answer: (request: TextRequest) => string | Promise<string>;

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: textHandler((request) => {
      last = request;
      return answer(request);
    }),
    error: (error) => new Response(error.message, { status: 500 }),
  });
  answer = () => "ok";
});

afterAll(() => server.stop(true));

function call(path: string, init?: RequestInit): Promise<Response> {
  return fetch(new URL(path, server.url), init);
}

/** Sends bytes as they are and gives all that comes back. */
async function raw(bytes: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = "";
  await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port!,
    socket: {
      open: (socket) => void socket.write(bytes),
      data: (_, chunk) => {
        received += chunk.toString("latin1");
      },
      close: () => resolve(received),
    },
  });
  return promise;
}

describe("the request", () => {
  test("of a GET", async () => {
    await call("/users/a%20b?name=J%C3%BCrgen+M&empty=&flag", { headers: { "X-Thing": "one" } });
    expect(last).toMatchObject({
      method: "GET",
      path: "/users/a%20b",
      query: { name: "Jürgen M", empty: "", flag: "" },
      body: "",
    });
    expect(last.headers["x-thing"]).toBe("one");
    expect(last.headers.host).toBe(`127.0.0.1:${server.port}`);
  });

  test("of a POST", async () => {
    await call("/", { method: "POST", body: "grüße" });
    expect(last).toMatchObject({ method: "POST", path: "/", query: {}, body: "grüße" });
  });

  test("of a key given twice has the last value", async () => {
    await call("/?a=1&a=2&__proto__=x");
    expect({ ...last.query }).toEqual({ a: "2", ["__proto__"]: "x" });
    expect(Object.getPrototypeOf(last.query)).toBeNull();
  });

  test("of a header given twice has both", async () => {
    const request = "GET /h HTTP/1.1\r\nHost: x\r\nConnection: close\r\nA: 1\r\nA: 2\r\n\r\n";
    expect(await raw(request)).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(last.headers.a).toBe("1, 2");
  });

  test("without a Host still has path and query", async () => {
    await raw("GET /bare?q=1 HTTP/1.0\r\n\r\n");
    expect(last).toMatchObject({ path: "/bare", query: { q: "1" } });
  });

  test.each([
    ["http://h", "/", {}],
    ["http://h/a/?", "/a/", {}],
    ["http://h?x=/y", "/", { x: "/y" }],
    ["http://h//b?u=http://i/j?k#l?m=n", "//b", { u: "http://i/j?k" }],
    ["http://h/a#b?c=d", "/a", {}],
    ["https://[::1]:80/a:b", "/a:b", {}],
  ])("for %s", async (url, path, query) => {
    await textHandler((request) => {
      last = request;
      return "";
    })(new Request(url));
    expect(last).toMatchObject({ path, query });
    expect(Object.keys(last.query)).toEqual(Object.keys(query));
  });
});

describe("the response", () => {
  test("is the text, as UTF-8", async () => {
    answer = (request) => `ä ${request.path}`;
    const response = await call("/x");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain;charset=utf-8");
    expect(await response.text()).toBe("ä /x");
  });

  test("may come later", async () => {
    answer = async () => {
      await Bun.sleep(1);
      return "later";
    };
    expect(await (await call("/")).text()).toBe("later");
  });

  test("may be empty", async () => {
    answer = () => "";
    const response = await call("/");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe("0");
  });

  test("of a function that throws is the error handler's", async () => {
    answer = () => {
      throw new Error("mine");
    };
    const response = await call("/");
    expect(response.status).toBe(500);
    expect(await response.text()).toBe("mine");
  });

  test("of a function that returns no string is an error", async () => {
    answer = () => 5 as unknown as string;
    const response = await call("/");
    expect(response.status).toBe(500);
    expect(await response.text()).toBe(
      "the function given to textHandler must return a string, but returned number",
    );
  });
});
