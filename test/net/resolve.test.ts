import { describe, expect, test } from "bun:test";
import { resolveHost } from "../../src/net/resolve.ts";

function hexOf(hostname: string): string[] {
  return resolveHost(hostname).map((sockaddr) => sockaddr.bytes.toString("hex"));
}

describe("addresses", () => {
  test("numeric ones need no name server", () => {
    expect(hexOf("127.0.0.1")).toEqual(["020000007f0000010000000000000000"]);
    expect(hexOf("0")).toEqual(["02000000000000000000000000000000"]);
    expect(hexOf("::")[0]).toStartWith("0a000000");
  });

  test("brackets around IPv6 are taken off", () => {
    expect(hexOf("[::1]")).toEqual(hexOf("::1"));
  });

  test("IPv6 comes before IPv4", () => {
    const families = hexOf("localhost").map((hex) => hex.slice(0, 4));
    expect(families.length).toBeGreaterThan(0);
    expect(families).toEqual(families.toSorted().reverse());
  });

  test("a well-formed name that nobody knows gives none", () => {
    expect(resolveHost("nonexistent.invalid")).toEqual([]);
  });
});

describe("what can be no host name is refused before the resolver is asked", () => {
  const label = "a".repeat(63);
  const longest = `${label}.${label}.${label}.${"a".repeat(61)}`;
  const refused = [
    "127.0.0.1:80",
    "http://x",
    "a b",
    " a",
    "a..b",
    ".",
    ".a",
    "a..",
    "a\0b",
    "[a]",
    "[]",
    "[1.2.3.4]",
    "1:2",
    `${label}a`,
    `${longest}a`,
    "a%b",
    "a'b",
  ];
  for (const name of refused) {
    test(JSON.stringify(name.slice(0, 70)), () => {
      let caught: unknown;
      try {
        resolveHost(name);
      } catch (error) {
        caught = error;
      }
      expect((caught as Error).message).toBe(`getaddrinfo ENOTFOUND ${name}`);
      expect(Object.entries(caught as Error)).toEqual([
        ["code", "ENOTFOUND"],
        ["syscall", "getaddrinfo"],
        ["hostname", name],
        ["errno", 4],
      ]);
    });
  }

  for (const name of ["256.1.1.1", "a_b.invalid", "-a.invalid", "xn--a.invalid", `${label}.invalid`]) {
    test(`but ${name.slice(0, 20)} is looked up`, () => expect(resolveHost(name)).toEqual([]));
  }
});
