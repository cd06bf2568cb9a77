/** Where a server can listen, and how it fails to (BUN-SERVE.md sections 4.3 and 5), in every mode. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requestBytes } from "../support/exchange.ts";
import { eventually, openDescriptors, openedSince, threadCount } from "../support/process-info.ts";
import { RawClient, type Target } from "../support/raw-client.ts";
import { MODES, startServer, stopAll } from "../support/servers.ts";
import { serve } from "../support/target.ts";

const directory = mkdtempSync(join(tmpdir(), "epollo-listen-"));

afterAll(async () => {
  await stopAll();
  rmSync(directory, { recursive: true, force: true });
});

async function ask(target: Target, path: string): Promise<string> {
  await using client = await RawClient.connect(target);
  await client.send(requestBytes(path));
  return (await client.readResponse()).text;
}

describe.each(MODES)("%s", (mode) => {
  test("on 127.0.0.1", async () => {
    await using server = await startServer(mode);
    expect(server.url).toBe(`http://127.0.0.1:${server.port}/`);
    expect(await ask({ port: server.port }, "/hello")).toBe("hello");
  });

  test("on ::1", async () => {
    await using server = await startServer(mode, { hostname: "::1" });
    expect(server.url).toBe(`http://[::1]:${server.port}/`);
    expect(await ask({ port: server.port, hostname: "::1" }, "/hello")).toBe("hello");
    expect(JSON.parse(await ask({ port: server.port, hostname: "::1" }, "/ip"))).toMatchObject({
      address: "::1",
      family: "IPv6",
    });
  });

  test("on :: for both families", async () => {
    await using server = await startServer(mode, { hostname: "::" });
    expect(await ask({ port: server.port, hostname: "::1" }, "/hello")).toBe("hello");
    expect(JSON.parse(await ask({ port: server.port }, "/ip"))).toMatchObject({
      address: "::ffff:127.0.0.1",
      family: "IPv6",
    });
  });

  test("on :: with ipv6Only, for one", async () => {
    await using server = await startServer(mode, { hostname: "::", ipv6Only: true });
    expect(await ask({ port: server.port, hostname: "::1" }, "/hello")).toBe("hello");
    expect(RawClient.connect(server.port)).rejects.toThrow();
  });

  test("on a unix socket, whose file goes with the server", async () => {
    const path = join(directory, `${mode}.sock`);
    const server = await startServer(mode, { unix: path });
    expect(await ask({ unix: path }, "/hello")).toBe("hello");
    expect(await ask({ unix: path }, "/ip")).toBe("null");
    await server[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(false);
  });

  test("on an abstract socket", async () => {
    const name = `\0epollo-test-${process.pid}-${mode}`;
    await using _ = await startServer(mode, { unix: name });
    expect(await ask({ unix: name }, "/hello")).toBe("hello");
  });

  test("two servers with reusePort share a port", async () => {
    await using first = await startServer(mode, { reusePort: true });
    await using second = await startServer(mode, { reusePort: true, port: first.port });
    expect(second.port).toBe(first.port);
    for (let index = 0; index < 10; index++) expect(await ask({ port: first.port }, "/hello")).toBe("hello");
  });
});

describe("errors are thrown by serve()", () => {
  const start = (options: Record<string, unknown>): unknown => {
    try {
      serve({ handlers: "main", fetch: () => new Response("x"), ...options }).stop(true);
    } catch (error) {
      return error;
    }
    return undefined;
  };

  test("a port in use", async () => {
    await using server = await startServer("main");
    expect(start({ port: server.port, hostname: "127.0.0.1" })).toMatchObject({
      code: "EADDRINUSE",
      syscall: "listen",
      errno: 0,
      message: `Failed to start server. Is port ${server.port} in use?`,
    });
  });

  test("a port in use, again and again: the threads that were prepared end", async () => {
    await using server = await startServer("main");
    // Those of the first may leave threads of Bun's own.
    start({ port: server.port, hostname: "127.0.0.1" });
    await Bun.sleep(100);
    const threads = threadCount();
    const descriptors = openDescriptors();
    for (let attempt = 0; attempt < 10; attempt++) {
      expect(start({ port: server.port, hostname: "127.0.0.1" })).toMatchObject({ code: "EADDRINUSE" });
    }
    await eventually(
      "more threads, descriptors opened",
      () => ({ threads: threadCount() - threads, opened: openedSince(descriptors) }),
      (left) => left.threads <= 0 && left.opened.length === 0,
    );
  });

  test("a unix path in use", () => {
    const path = join(directory, "file");
    writeFileSync(path, "");
    expect(start({ unix: path })).toMatchObject({
      code: "EADDRINUSE",
      errno: -98,
      path,
      message: `EADDRINUSE: address already in use, listen '${path}'`,
    });
    expect(existsSync(path)).toBe(true);
  });

  test("a unix path in no directory", () => {
    expect(start({ unix: "/nonexistent/x.sock" })).toMatchObject({ code: "ENOENT", errno: -2 });
  });

  test("a unix path too long", () => {
    expect(start({ unix: `/tmp/${"x".repeat(200)}` })).toMatchObject({ code: "ENAMETOOLONG", errno: -36 });
  });

  test("an address of another machine", () => {
    expect(start({ hostname: "192.0.2.1", port: 0 })).toMatchObject({
      code: "EADDRNOTAVAIL",
      errno: -99,
      message: "EADDRNOTAVAIL: address not available, listen",
    });
  });
});
