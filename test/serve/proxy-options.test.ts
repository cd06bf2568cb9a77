/** `proxyProtocol`: what is accepted, and the errors for the rest. */
import { expect, test } from "bun:test";
import { readEnvironment } from "../../src/serve/environment.ts";
import { resolveOptions } from "../../src/serve/options.ts";
import { resolveProxyProtocol } from "../../src/serve/proxy-options.ts";

test("off unless asked for", () => {
  expect([undefined, false].map(resolveProxyProtocol)).toEqual([null, null]);
});

test("addresses, blocks and unix sockets, copied", () => {
  const from = ["192.0.2.1", "10.0.0.0/8", "::1", "2001:db8::/32", "unix"];
  const resolved = resolveProxyProtocol({ from });
  from.push("later");
  expect(resolved).toEqual(["192.0.2.1", "10.0.0.0/8", "::1", "2001:db8::/32", "unix"]);
});

test.each<[unknown, string]>([
  [true, "proxyProtocol must be an object with `from`, or false, but was true"],
  [{}, "proxyProtocol.from must be a list of addresses"],
  [{ from: [] }, "proxyProtocol.from must be a list of addresses"],
  [{ from: "::1" }, "proxyProtocol.from must be a list of addresses"],
  [
    { from: ["::1", "localhost"] },
    'proxyProtocol.from[1] must be an address, a block or "unix", but was "localhost"',
  ],
  [{ from: ["10.1.0.0/8"] }, "proxyProtocol.from[0] must be an address"],
  [{ from: [5] }, "proxyProtocol.from[0] must be an address"],
  [{ from: ["::1"], version: 2 }, 'proxyProtocol has no option "version"; it accepts from'],
])("%p is a TypeError", (given, message) => {
  expect(() => resolveProxyProtocol(given)).toThrow(TypeError);
  expect(() => resolveProxyProtocol(given)).toThrow(message);
});

test("what the native Bun.serve would ignore is refused with what it has to serve", () => {
  const environment = readEnvironment();
  const fetch = (): Response => new Response();
  const native = { fetch, websocket: { message: () => {} } };
  for (const own of [{ proxyProtocol: { from: ["::1"] } }, { health: { live: "/healthz" } }]) {
    expect(() => resolveOptions({ ...native, ...own }, environment)).toThrow(
      /native Bun\.serve.*: websocket/,
    );
    // On other systems all goes to Bun.serve, which is said there.
    expect(
      resolveOptions({ ...native, ...own }, { ...environment, platform: "darwin" }).needsNative,
    ).toContain("Linux");
  }
  expect(resolveOptions({ ...native, proxyProtocol: false }, environment).needsNative).toBe("websocket");
});
