/** Sets of peers: addresses, blocks, unix sockets. */
import { describe, expect, test } from "bun:test";
import { AddressSet } from "../../src/net/address-set.ts";
import { parseIp } from "../../src/net/ip-text.ts";

/** The record of a peer; "unix" for one of a unix socket. */
function peer(text: string): Int32Array {
  const words = new Int32Array(5);
  const bytes = parseIp(text);
  if (bytes === null) return words;
  words[0] = (bytes.length === 4 ? 4 : 6) | (1234 << 16);
  words.set(new Int32Array(bytes.slice().buffer), 1);
  return words;
}

function has(entries: readonly string[], text: string): boolean {
  const set = new AddressSet();
  for (const entry of entries) expect([entry, set.add(entry)]).toEqual([entry, true]);
  return set.has(peer(text), 0);
}

describe("has", () => {
  test.each<[string, string, boolean]>([
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["192.0.2.1", "::ffff:192.0.2.1", true],
    ["::ffff:192.0.2.1", "192.0.2.1", true],
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["10.0.0.0/8", "::ffff:10.255.0.1", true],
    ["128.0.0.0/1", "255.0.0.0", true],
    ["128.0.0.0/1", "127.0.0.0", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "2001:db8::1", true],
    ["::/0", "203.0.113.9", true],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["2001:db8::1", "2001:db8::1", true],
    ["2001:db8::1/128", "2001:db8::2", false],
    ["unix", "unix", true],
    ["unix", "127.0.0.1", false],
    ["0.0.0.0/0", "unix", false],
    ["::/0", "unix", false],
  ])("%s, %s: %p", (entry, text, expected) => {
    expect(has([entry], text)).toBe(expected);
  });

  test("of several entries each counts, of none none", () => {
    expect(has(["10.0.0.0/8", "unix", "::1"], "::1")).toBe(true);
    expect(has([], "127.0.0.1")).toBe(false);
    expect(has([], "unix")).toBe(false);
  });

  test("looks at the index it is given", () => {
    const set = new AddressSet();
    set.add("127.0.0.1");
    const words = new Int32Array(15);
    words.set(peer("127.0.0.1"), 10);
    expect([set.has(words, 10), set.has(words, 5)]).toEqual([true, false]);
  });
});

test.each([
  "",
  "localhost",
  "10.0.0.0/33",
  "10.0.0.0/",
  "10.0.0.0/08",
  "10.0.0.0/8/8",
  "::/129",
  "10.1.2.3/8",
  "Unix",
])("%p is no entry", (text) => {
  expect(new AddressSet().add(text)).toBe(false);
});
