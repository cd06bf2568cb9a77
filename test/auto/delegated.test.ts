/**
 * What epollo/auto leaves to the native Bun.serve: node:http, and options that epollo does not serve itself.
 */
import { describe, expect, test } from "bun:test";
import { runProgram, startProgram } from "./program.ts";

const SAY = "if (Bun.isMainThread) console.log(String(server.url) + ' ');";

const NODE_SERVER = `
  import { createServer } from "node:http";
  const node = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(["node", Bun.isMainThread, request.method, request.url]));
  });`;

describe("node:http", () => {
  test("listens, answers, tells its address and closes", async () => {
    const text = `${NODE_SERVER}
      node.listen(0, "127.0.0.1", async () => {
        const { port, family } = node.address();
        console.log(await (await fetch("http://127.0.0.1:" + port + "/a?b", { method: "PUT" })).text(), family);
        node.close(() => console.log("closed"));
        node.closeAllConnections();
      });`;
    const ended = await runProgram({ files: { "server.ts": text } });
    expect(ended).toEqual({ code: 0, output: '["node",true,"PUT","/a?b"] IPv4\nclosed\n', errors: "" });
  });

  test("beside a Bun.serve in pool mode, it listens once", async () => {
    const text = `${NODE_SERVER}
      const port = Number(process.env.NODE_HTTP_PORT);
      node.listen(port, "127.0.0.1");
      await new Promise((resolve) => node.on("listening", resolve));
      const server = Bun.serve({
        hostname: "127.0.0.1",
        fetch: () => Response.json(["epollo", Bun.isMainThread]),
      });
      if (Bun.isMainThread) console.log("http://127.0.0.1:" + port + " " + server.url + " ");`;
    await using program = await startProgram({
      files: { "server.ts": text },
      environment: { EPOLLO_HANDLERS: "pool", NODE_HTTP_PORT: String(freePort()) },
    });
    expect(await program.askJson("/x")).toEqual(["node", true, "GET", "/x"]);
    const [, second] = program.output().match(/http:\S+/g)!;
    const [who, isMain] = (await (await fetch(second as string)).json()) as unknown[];
    expect([who, isMain, program.errors()]).toEqual(["epollo", false, ""]);
  });
});

function freePort(): number {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = probe;
  probe.stop(true);
  return port as number;
}

/** Options that go to Bun.serve, and what shows that they work. */
describe.each(["main", "pool"])("EPOLLO_HANDLERS=%s", (handlers) => {
  const environment = { EPOLLO_HANDLERS: handlers };

  test("websocket", async () => {
    const text = `const server = Bun.serve({
        hostname: "127.0.0.1",
        fetch: (request, server) => server.upgrade(request) ? undefined : Response.json(typeof server.stats),
        websocket: { message: (socket, message) => void socket.send("echo " + message) },
      }); ${SAY}`;
    await using program = await startProgram({ files: { "server.ts": text }, environment });
    expect(await program.askJson()).toBe("undefined");
    const socket = new WebSocket(program.url.replace("http", "ws"));
    const answer = Promise.withResolvers<unknown>();
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => answer.resolve(data);
    socket.onerror = () => answer.reject(new Error("no WebSocket"));
    expect(await answer.promise).toBe("echo hello");
    socket.close();
  });

  test("an HTML page", async () => {
    const files = {
      "server.ts": `import page from "./page.html";
        const server = Bun.serve({ hostname: "127.0.0.1", development: false, routes: { "/": page } }); ${SAY}`,
      "page.html": "<!doctype html><title>a page</title>",
    };
    await using program = await startProgram({ files, environment });
    expect(await (await fetch(program.url)).text()).toContain("<title>a page</title>");
  });

  test("a mistake in options gives Bun's error", async () => {
    const text = "Bun.serve({ port: -1, fetch() {} });";
    const [ours, native] = await Promise.all([
      runProgram({ files: { "server.ts": text }, environment }),
      runProgram({ files: { "server.ts": text }, environment, arguments: ["server.ts"] }),
    ]);
    const line = (errors: string) => /^\w*Error: .*$/m.exec(errors)?.[0];
    expect([ours.code, line(ours.errors)]).toEqual([native.code, line(native.errors)]);
    expect(line(ours.errors)).toContain("options.port");
  });
});

test("TLS", async () => {
  const key = await Bun.file(new URL("../fixtures/tls-key.pem", import.meta.url)).text();
  const cert = await Bun.file(new URL("../fixtures/tls-cert.pem", import.meta.url)).text();
  const text = `const server = Bun.serve({
      tls: { key: await Bun.file("key.pem").text(), cert: await Bun.file("cert.pem").text() },
      fetch: (_, server) => Response.json([server.protocol, typeof server.stats]),
    }); ${SAY}`;
  const files = { "server.ts": text, "key.pem": key, "cert.pem": cert };
  await using program = await startProgram({ files });
  const answer = await program.askJson("", { tls: { rejectUnauthorized: false } } as RequestInit);
  expect(answer).toEqual(["https", "undefined"]);
});
