import { describe, expect, test } from "bun:test";
import type { HTTPServer } from "../../src/fetch/server-object.ts";
import { hotId, keepServer, nativeServe, survivingServer } from "../../src/serve/hot.ts";

describe("the id of a server without one", () => {
  test.each([
    ["[http]-tcp:localhost:3000", undefined, 3000, undefined],
    ["[http]-tcp:127.0.0.1:80", "127.0.0.1", 80, undefined],
    ["[http]-unix:/run/a.sock", undefined, 3000, "/run/a.sock"],
  ] as const)("is %s", (id, hostname, port, unix) => {
    expect(hotId(hostname, port, unix)).toBe(id);
  });
});

describe("servers that survive", () => {
  test("are found by their id while they run", () => {
    const server = { port: 4000 as number };
    keepServer("hot test", server as unknown as HTTPServer);
    expect(survivingServer("hot test")).toBe(server as unknown as HTTPServer);
    expect(survivingServer("another")).toBeNull();
    // What `stop()` makes of a port.
    server.port = 0;
    expect(survivingServer("hot test")).toBeNull();
    server.port = 4000;
    expect(survivingServer("hot test")).toBeNull();
  });
});

test("the native serve is Bun's own, however often the module is evaluated", async () => {
  const again = (await import(
    `../../src/serve/hot.ts?again=${Math.random()}`
  )) as typeof import("../../src/serve/hot.ts");
  expect(again.nativeServe).toBe(nativeServe);
  expect(nativeServe.name).toBe("serve");
});
