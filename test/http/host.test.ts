import { expect, test } from "bun:test";
import { isHostValid, isTargetValid } from "../../src/http/host.ts";
import { METHOD_CONNECT, METHOD_GET, METHOD_OPTIONS } from "../../src/http/method.ts";

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
