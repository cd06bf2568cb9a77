/**
 * What the server object shows (BUN-SERVE.md section 13): probes that the parent asks for on the main thread, and that
 * a request for /<name> runs inside a handler.
 */
import { describeValue } from "../describe-value.ts";

type Probe = (server: Bun.Server<undefined>) => unknown;
// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are the point.
type Loose = any;
const foreign = (): Request => new Request("http://foreign.test/x");
const METHODS =
  "closeIdleConnections fetch publish ref reload requestIP stop subscriberCount timeout unref upgrade".split(
    " ",
  );

/** What can be asked, by name. */
export const probes: Record<string, Probe> = {
  "own-keys": (server) => Reflect.ownKeys(server).length,
  constructor: (server: Bun.Server<undefined>) => server.constructor === Object,
  string: (server) => String(server),
  "to-string-tag": (server) => (server as Loose)[Symbol.toStringTag],
  port: (server) => [typeof server.port, server.port! > 0],
  hostname: (server) => server.hostname,
  url: (server) => [server.url, server.url instanceof URL],
  "url-same": (server) => Object.is(server.url, server.url),
  protocol: (server) => server.protocol,
  address: (server) => (server as Loose).address,
  "address-keys": (server) => Object.keys((server as Loose).address),
  development: (server) => server.development,
  id: (server) => server.id,
  pending: (server) => [typeof server.pendingRequests, server.pendingWebSockets],
  "set-port": (server) => {
    (server as Loose).port = 5;
  },
  "set-url": (server) => {
    (server as Loose).url = "x";
  },
  "set-own": (server) => {
    (server as Loose).mine = 1;
    const value = (server as Loose).mine;
    delete (server as Loose).mine;
    return value;
  },
  lengths: (server) => METHODS.map((name) => [name, (server as Loose)[name]?.length]),
  "method-names": (server) => METHODS.map((name) => (server as Loose)[name]?.name),
  enumerable: (server) => {
    const names: string[] = [];
    for (const name in server) names.push(name);
    return names.filter((name) => name !== "stats" && name !== "metrics").sort();
  },
  dispose: (server) => [typeof server[Symbol.dispose], typeof (server as Loose)[Symbol.asyncDispose]],
  "fetch-path": async (server) => (await server.fetch("/self?x=1")).text(),
  "fetch-url": async (server) => (await server.fetch("http://other.test/self")).text(),
  "fetch-relative": async (server) => (await server.fetch("self")).text(),
  "fetch-url-object": async (server) => (await server.fetch(new URL("http://u.test/self") as Loose)).text(),
  "fetch-request": async (server) =>
    (await server.fetch(new Request("http://r.test/self", { method: "POST", body: "b" }))).text(),
  "fetch-type": async (server) => Object.prototype.toString.call(await server.fetch("/self")),
  "fetch-promise": (server) => server.fetch("/self") instanceof Promise,
  "fetch-none": async (server) => (server as Loose).fetch(),
  "fetch-object": async (server) => (server as Loose).fetch({}),
  "fetch-number": async (server) => (server as Loose).fetch(1),
  "fetch-empty": async (server) => (await server.fetch("")).text(),
  "fetch-throws": async (server) => server.fetch("/throws"),
  "fetch-rejects": async (server) => server.fetch("/rejects"),
  "fetch-arguments": async (server) => (await server.fetch("/arguments")).text(),
  "fetch-garbage": async (server) => server.fetch("/garbage"),
  "fetch-ip": async (server) => (await server.fetch("/ip-of-none")).text(),
  "ip-none": (server) => (server as Loose).requestIP(),
  "ip-foreign": (server) => server.requestIP(foreign()),
  "ip-object": (server) => (server as Loose).requestIP({}),
  "timeout-none": (server) => (server as Loose).timeout(),
  "timeout-one": (server) => (server as Loose).timeout(foreign()),
  "timeout-text": (server) => (server as Loose).timeout(foreign(), "1"),
  "timeout-foreign": (server) => server.timeout(foreign(), 1),
  "timeout-negative": (server) => server.timeout(foreign(), -1),
  "timeout-nan": (server) => server.timeout(foreign(), Number.NaN),
  "timeout-large": (server) => server.timeout(foreign(), 1000),
  "timeout-object": (server) => (server as Loose).timeout({}, 1),
  "upgrade-none": (server) => (server as Loose).upgrade(),
  "upgrade-object": (server) => (server as Loose).upgrade({}),
  "upgrade-foreign": (server) => server.upgrade(foreign() as Loose),
  "upgrade-options": (server) => (server as Loose).upgrade(foreign(), 1),
  "publish-none": (server) => (server as Loose).publish(),
  "publish-one": (server) => (server as Loose).publish("topic"),
  "publish-empty": (server) => server.publish("", "x"),
  publish: (server) => server.publish("topic", "x"),
  "publish-number": (server) => (server as Loose).publish(1, "x"),
  subscribers: (server) => server.subscriberCount("topic"),
  "subscribers-none": (server) => (server as Loose).subscriberCount(),
  "subscribers-empty": (server) => server.subscriberCount(""),
  "reload-none": (server) => (server as Loose).reload(),
  "reload-null": (server) => (server as Loose).reload(null) === server,
  "reload-number": (server) => (server as Loose).reload(1) === server,
  "reload-bad-fetch": (server) => (server as Loose).reload({ fetch: "x" }) === server,
  "ref-unref": (server) => [server.unref() === (server as Loose), server.ref() === (server as Loose)],
  inspect: (server) => Bun.inspect(server).replace(/\d{4,5}/g, "<port>"),
  json: (server) => JSON.stringify(server),
  spread: (server) => Object.keys({ ...server }),
  "in-checks": (server) => ["port" in server, "stop" in server, "nothing" in server],
  detached: (server) => {
    const { requestIP } = server;
    return requestIP(foreign());
  },
};

async function fetch(this: unknown, request: Request, server?: Bun.Server<undefined>): Promise<Response> {
  const url = new URL(request.url);
  switch (url.pathname) {
    case "/self":
      return new Response(
        `${request.method} ${url.host.replace(/\d{4,5}/, "<port>")} ${url.search} ${await request.text()}`,
      );
    case "/throws":
      throw new TypeError("thrown on purpose");
    case "/rejects":
      return await Promise.reject(new Error("rejected on purpose"));
    case "/garbage":
      return "no response" as never;
    case "/arguments":
      return new Response(`${arguments.length} ${typeof server} ${String(this)}`);
    case "/ip-of-none":
      return new Response(String((this as Bun.Server<undefined>).requestIP(request)));
  }
  const probe = probes[url.pathname.slice(1)];
  if (probe === undefined || server === undefined) return new Response("no such probe");
  return Response.json((await describeValue(() => probe(server))) as object);
}

/** Never called by server.fetch. */
const error = (): Response => new Response("error handler", { status: 555 });

export const options: Record<string, unknown> = {
  development: false,
  reusePort: false,
  id: "mine",
  fetch,
  error,
};
