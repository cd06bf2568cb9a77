/** Facts about the Request object that a handler can see (BUN-SERVE.md section 7), one path each. */
import { describeValue } from "../describe-value.ts";

type Fact = (this: unknown, request: Request, server: Bun.Server<undefined>) => unknown;

const facts: Record<string, Fact> = {
  "/tag": (request) => Object.prototype.toString.call(request),
  "/constructor": (request) => [request.constructor.name, request.constructor === Request],
  "/instance": (request) => request instanceof Request,
  "/own-keys": (request) => Reflect.ownKeys(request).length,
  "/this": function (_, server) {
    return this === server;
  },
  "/arguments": function () {
    return arguments.length;
  },
  "/constants": ({
    redirect,
    mode,
    credentials,
    cache,
    referrer,
    referrerPolicy,
    destination,
    integrity,
  }) => ({
    redirect,
    mode,
    credentials,
    cache,
    referrer,
    referrerPolicy,
    destination: String(destination),
    integrity,
  }),
  "/keepalive": (request) => String(request.keepalive),
  "/params": (request) => (request as { params?: unknown }).params,
  "/cookies": (request) => (request as { cookies?: unknown }).cookies,
  "/headers-set": (request) => {
    request.headers.set("x-added", "yes");
    request.headers.delete("x-a");
    return [request.headers.get("x-added"), request.headers.get("x-a")];
  },
  "/headers-get": (request) => [request.headers.get("X-A"), request.headers.get("x-none")],
  "/headers-same": (request) => Object.is(request.headers, request.headers),
  "/headers-json": (request) => JSON.stringify(request.headers),
  "/headers-count": (request) => (request.headers as Headers & { count: number }).count,
  "/text": (request) => request.text(),
  "/json": (request) => request.json(),
  "/bytes": async (request) => String(await request.bytes()),
  "/array-buffer": async (request) => (await request.arrayBuffer()).byteLength,
  "/blob": async (request) => {
    const blob = await request.blob();
    return [blob.type, blob.size, await blob.text()];
  },
  "/form": async (request) => Object.fromEntries(await request.formData()),
  "/text-twice": async (request) => {
    await request.text();
    return await request.text();
  },
  "/json-after-text": async (request) => {
    await request.text();
    return await request.json();
  },
  "/body-used": async (request) => {
    const before = request.bodyUsed;
    await request.text();
    return [before, request.bodyUsed];
  },
  "/body-null": (request) => request.body === null,
  "/body-tag": (request) => Object.prototype.toString.call(request.body),
  "/body-reader": async (request) => {
    const parts: number[] = [];
    for await (const part of request.body!) parts.push(part.length);
    return parts.reduce((sum, length) => sum + length, 0);
  },
  "/body-reader-text": async (request) => {
    const reader = request.body!.getReader();
    const first = await reader.read();
    const second = await reader.read();
    return [Buffer.from(first.value!).toString(), second.done];
  },
  "/body-locked": async (request) => {
    request.body!.getReader();
    return await request.text();
  },
  "/clone": async (request) => {
    const copy = request.clone();
    return [await copy.text(), await request.text(), copy.url, copy.method, copy.headers.get("x-a")];
  },
  "/clone-used": async (request) => {
    await request.text();
    return request.clone().url;
  },
  "/new-request": async (request) => {
    const copy = new Request(request);
    return [copy.url, copy.method, await copy.text()];
  },
  "/new-request-url": (request) => new Request("http://other.test/x", request).headers.get("x-a"),
  "/signal": ({ signal }) => [Object.prototype.toString.call(signal), signal.aborted, String(signal.reason)],
  "/signal-same": (request) => Object.is(request.signal, request.signal),
  "/url-parts": (request) => {
    const { host, pathname, search, hash } = new URL(request.url);
    return { host, pathname, search, hash };
  },
  "/inspect": (request) => Bun.inspect(request),
  "/json-of": (request) => JSON.stringify(request),
  "/spread": (request) => ({ ...request }),
  "/ip": (request, server) => {
    const { address, family, port } = server.requestIP(request)!;
    return [address, family, typeof port];
  },
  "/ip-keys": (request, server) => Object.keys(server.requestIP(request)!),
  "/ip-clone": (request, server) => server.requestIP(request.clone() as Request),
  "/ip-new": (request, server) => server.requestIP(new Request(request)),
  "/ip-foreign": (_, server) => server.requestIP(new Request("http://a/")),
  "/ip-after-await": async (request, server) => {
    await Bun.sleep(1);
    return server.requestIP(request)!.address;
  },
  "/timeout": (request, server) => server.timeout(request, 5),
  "/timeout-clone": (request, server) => server.timeout(request.clone() as Request, 5),
  "/upgrade": (request, server) => server.upgrade(request),
  "/pending": (_, server) => server.pendingRequests,
  "/set-url": (request) => {
    (request as { url: string }).url = "x";
    return request.url;
  },
  "/cookie-header": (request) => request.headers.get("cookie"),
};

/** Answers every fact as JSON. */
async function fetch(this: unknown, request: Request): Promise<Response> {
  const fact = facts[new URL(request.url).pathname];
  if (fact === undefined) return new Response("no such fact");
  const all = arguments as unknown as Parameters<Fact>;
  return Response.json((await describeValue(() => fact.apply(this, all))) as object);
}

export const options: Record<string, unknown> = { development: false, reusePort: false, fetch };
