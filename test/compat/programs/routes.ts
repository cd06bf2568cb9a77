/** Routes of every kind with a fetch handler behind them (BUN-SERVE.md section 11.1). */

/** A handler that shows which route was taken, with what params. */
function show(name: string) {
  return (request: Request): Response => {
    const { params } = request as Request & { params?: Record<string, string> };
    return Response.json({ name, method: request.method, url: request.url, params });
  };
}

type Params = Request & { params: Record<string, string>; cookies: Bun.CookieMap };

const routes: Record<string, unknown> = {
  "/": show("root"),
  "/literal": show("literal"),
  "/literal/": show("literal with slash"),
  "/Case": show("case"),
  "/a%20b": show("encoded"),
  "/n/five": show("literal five"),
  "/n/:id": show("param"),
  "/p/:a/:b": show("two params"),
  "/p/:a/fixed": show("fixed end"),
  "/r/lit/x": show("lit x"),
  "/r/:a/y": show("param y"),
  "/q/lit/:y": show("lit first"),
  "/q/:x/z": show("lit last"),
  "/v/:a/b/c": show("deep"),
  "/v/*": show("deep wildcard"),
  "/w/*": show("wildcard"),
  "/a/*/b": show("inner wildcard"),
  "/a/*": show("outer wildcard"),
  "/odd/:a-b": show("dash"),
  "/ext/:a.json": show("dot"),
  "/opt/:a?": show("optional"),
  "/star/:a*": show("star"),
  "/any/:": show("nameless"),
  "/pre/pre:a": show("prefix"),
  "/same/:id": show("first name"),
  "/same/:name": show("second name"),
  "/m/get": { GET: show("get") },
  "/m/post": { POST: show("post") },
  "/m/both": { GET: show("get"), POST: show("post") },
  "/m/head": { GET: show("get"), HEAD: () => new Response(null, { headers: { "x-head": "own" } }) },
  "/m/extra": { GET: show("get"), FOO: show("foo"), PROPFIND: show("propfind") },
  "/m/all": Object.fromEntries(
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"].map((m) => [m, show(m)]),
  ),
  "/m/one": { GET: 1, POST: show("post") },
  "/m/static": { GET: new Response("static get"), POST: show("post") },
  "/f/*": { POST: show("post below f") },
  "/f/x": { GET: show("get f x") },
  "/f/:id": { PUT: show("put f id") },
  "/no": false,
  "/covered/*": show("covered"),
  "/covered/no": false,
  "/covered/no/yes": show("yes"),
  "/covered/none/*": false,
  "/covered/none/yes": show("yes again"),
  "/covered/param/:id": false,
  "/undefined": undefined,
  "/throw": () => {
    throw new Error("route threw on purpose");
  },
  "/undefined-answer": () => undefined,
  "/async": async (request: Request) => {
    await Bun.sleep(5);
    return show("async")(request);
  },
  "/arguments": function (this: unknown, ...all: unknown[]) {
    return Response.json([all.length, this === all[1]]);
  },
  "/tag": (request: Request) =>
    Response.json([
      Object.prototype.toString.call(request),
      request instanceof Request,
      request.constructor.name,
      Reflect.ownKeys(request).length,
    ]),
  "/params-object/:id": (request: Params) =>
    Response.json([
      Object.getPrototypeOf(request.params) === Object.prototype,
      Object.keys(request.params),
      Object.is(request.params, request.params),
      "id" in request.params,
      String(request.params.nothing),
    ]),
  "/clone/:id": (request: Params) => Response.json((request.clone() as Params).params),
  "/body/:id": async (request: Params) => Response.json([request.params.id, await request.text()]),
  "/cookies/get": (request: Params) => Response.json([...request.cookies]),
  "/cookies/tag": (request: Params) =>
    Response.json([
      Object.prototype.toString.call(request.cookies),
      request.cookies instanceof Bun.CookieMap,
      request.cookies.size,
      Object.is(request.cookies, request.cookies),
    ]),
  "/cookies/set": (request: Params) => {
    request.cookies.set("a", "b c;");
    request.cookies.delete("old");
    return new Response("set", { headers: { "set-cookie": "manual=1" } });
  },
  "/cookies/full": (request: Params) => {
    request.cookies.set("t", "d", {
      domain: "e.com",
      path: "/x",
      expires: new Date(0),
      maxAge: 60,
      secure: true,
      httpOnly: true,
      partitioned: true,
      sameSite: "strict",
    });
    return new Response(null, { status: 204 });
  },
  "/cookies/later": async (request: Params) => {
    const { cookies } = request;
    await Bun.sleep(5);
    cookies.set("late", "1");
    return Response.json({});
  },
  "/cookies/stream": (request: Params) => {
    request.cookies.set("s", "1");
    return new Response(
      (async function* () {
        await Bun.sleep(5);
        yield "streamed";
      })() as never,
    );
  },
  "/cookies/throw": (request: Params) => {
    request.cookies.set("lost", "1");
    throw new Error("after the cookie");
  },
};

/** Shows that no route was taken. */
function fetch(request: Request): Response {
  const { params, cookies } = request as Request & { params?: unknown; cookies?: unknown };
  return Response.json({
    name: "fetch",
    method: request.method,
    url: request.url,
    extra: [typeof params, typeof cookies],
  });
}

export const options: Record<string, unknown> = { development: false, reusePort: false, routes, fetch };
