/** Routes that are Responses (BUN-SERVE.md section 11.2). */
const bytes = Uint8Array.from({ length: 64 }, (_, index) => index);

export const options: Record<string, unknown> = {
  development: false,
  reusePort: false,
  routes: {
    "/text": new Response("static body", { headers: { "x-a": "b" } }),
    "/typed": new Response("<p>", { headers: { "content-type": "text/html" } }),
    "/json": Response.json({ a: 1 }),
    "/bytes": new Response(bytes),
    "/blob": new Response(new Blob(["blob"], { type: "text/x" })),
    "/params": new Response(new URLSearchParams({ a: "1" })),
    "/empty": new Response(""),
    "/null": new Response(null),
    "/own-etag": new Response("mine", { headers: { etag: '"mine"' } }),
    "/weak-etag": new Response("weak", { headers: { etag: 'W/"weak"' } }),
    "/teapot": new Response("short", { status: 418 }),
    "/created": new Response("made", { status: 201 }),
    "/none": new Response(null, { status: 204 }),
    "/not-modified": new Response(null, { status: 304 }),
    "/redirect": Response.redirect("/text"),
    "/cookies": new Response("c", {
      headers: [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ],
    }),
    "/close": new Response("bye", { headers: { connection: "close" } }),
    "/own-date": new Response("d", { headers: { date: "Thu, 01 Jan 1970 00:00:00 GMT" } }),
    "/own-length": new Response("hello", { headers: { "content-length": "3" } }),
    "/last-modified": new Response("lm", { headers: { "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT" } }),
    "/large": new Response("l".repeat(200_000)),
    "/unicode": new Response("h\u00e9"),
    "/below/*": new Response("wildcard"),
    "/param/:id": new Response("param"),
    "/only-get": { GET: new Response("only get") },
    "/get-and-head": { GET: new Response("get"), HEAD: new Response("head", { headers: { "x-h": "1" } }) },
  },
  fetch: (): Response => new Response("fetch"),
};
