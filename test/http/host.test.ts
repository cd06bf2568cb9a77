import { expect, test } from "bun:test";
import { isHostValid, isTargetValid } from "../../src/http/host.ts";
import { METHOD_CONNECT, METHOD_GET, METHOD_OPTIONS } from "../../src/http/method.ts";
import { randomFrom } from "../support/random.ts";

function isValid(target: string, method: number): boolean {
  const bytes = Buffer.from(`//${target}:80/x`, "latin1");
  return isTargetValid(bytes, 2, 2 + target.length, method);
}

test("host values", () => {
  const check = (text: string): boolean =>
    isHostValid(Buffer.from(`@${text}@`, "latin1"), 1, 1 + text.length);
  for (const good of ["", "a", "A.b-c_d~e", "1.2.3.4:80", "[::1]:80", "x%41!$&'()*+,;="])
    expect([good, check(good)]).toEqual([good, true]);
  for (const bad of ["a b", "a/b", "a@b", "a?b", "a#b", 'a"b', "a\\b", "a<b", "a\x7f", "\xe9", "a\tb"]) {
    expect([bad, check(bad)]).toEqual([bad, false]);
  }
});

test("which method takes which target", () => {
  const forms: [string, boolean, boolean, boolean][] = [
    ["/", true, true, false],
    ["//a", true, true, false],
    ["*", false, true, false],
    ["**", false, false, false],
    ["a:1", false, false, true],
    ["a:65535", false, false, true],
    ["a:00080", false, false, true],
    ["a:0", false, false, false],
    ["a:65536", false, false, false],
    ["a:000080", false, false, false],
    ["a:8x", false, false, false],
    ["a", false, false, false],
    ["a:", false, false, false],
    [":1", false, false, false],
    ["u@a:1", false, false, false],
    ["http://a", true, true, false],
    ["hTTp://a:1/p", true, true, false],
    ["https://a?q", true, true, false],
    ["https://a#f", true, true, false],
    ["http://[::1]:80/p", true, true, false],
    ["http://[::ffff:1.2.3.4]?q", true, true, false],
    ["http://a:/p", true, true, false],
    ["http://a:000080", true, true, false],
    ["http://a%41b", true, true, false],
    ["[::1]:1", false, false, true],
    ["http://[::1]g8080?q", false, false, false],
    ["http://[]", false, false, false],
    ["http://[::1", false, false, false],
    ["http://[g]", false, false, false],
    ["http://[v1.a]", false, false, false],
    ["http://a]", false, false, false],
    ["http://a[::1]", false, false, false],
    ["http://a:65536", false, false, false],
    ["http://a:8x/p", false, false, false],
    ["http://a:1:2", false, false, false],
    ["http://a%4", false, false, false],
    ["http://a%4g/p", false, false, false],
    ["http://u@a", false, false, false],
    ["[::1]g:1", false, false, false],
    ["a:b:1", false, false, false],
    ["http:/a", false, false, false],
    ["http//a", false, false, false],
    ["http://", false, false, false],
    ["https://", false, false, false],
    ["https:///p", false, false, false],
    ["http://?q", false, false, false],
    ["http://a b", false, false, false],
    ["httpx://a", false, false, false],
    ["ws://a", false, false, false],
  ];
  for (const [target, ...expected] of forms) {
    const found = [METHOD_GET, METHOD_OPTIONS, METHOD_CONNECT].map((method) => isValid(target, method));
    expect([target, ...found]).toEqual([target, ...expected]);
  }
});

test("an absolute target that is taken is a url, but for what only its host's own rules forbid", () => {
  const pieces = ["a", "[", "]", ":", "1", "g", "%", "4", ".", "/", "?q", "::1", "8080", "-"];
  const random = randomFrom(7);
  let taken = 0;
  for (let round = 0; round < 20_000; round++) {
    const count = 1 + random(6);
    let target = "http://";
    for (let index = 0; index < count; index++) target += pieces[random(pieces.length)];
    if (!isValid(target, METHOD_GET)) continue;
    taken++;
    // Names that look like IPv4 addresses, and addresses in brackets that are none, are judged by more than their bytes.
    const host = /^http:\/\/([^/?#]*)/.exec(target)![1]!;
    const isNumeric = /(^|\.)(\d+|0x[\da-f]*)\.?(:\d*)?$/.test(host) || host.includes("%");
    if (!isNumeric && !host.startsWith("[")) expect([target, URL.canParse(target)]).toEqual([target, true]);
  }
  expect(taken).toBeGreaterThan(100);
});
