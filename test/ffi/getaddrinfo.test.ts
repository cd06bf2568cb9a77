import { describe, expect, test } from "bun:test";
import { lookUpAddresses } from "../../ffi/getaddrinfo.ts";

function hex(name: string): string[] {
  const found = lookUpAddresses(name);
  if (typeof found === "number") throw new Error(`${name}: ${found}`);
  return found.map((sockaddr) => sockaddr.bytes.toString("hex"));
}

describe("lookUpAddresses", () => {
  test("understands numeric addresses", () => {
    expect(hex("127.0.0.1")).toEqual(["020000007f0000010000000000000000"]);
    expect(hex("127.1")).toEqual(hex("127.0.0.1"));
    expect(hex("::1")).toEqual(["0a00" + "0000" + "00000000" + "00".repeat(15) + "01" + "00000000"]);
  });

  test("finds localhost", () => {
    expect(hex("localhost").length).toBeGreaterThan(0);
  });

  test("gives the resolver's code for what is no name", () => {
    expect(lookUpAddresses("a b")).toBe(-2);
  });
});
