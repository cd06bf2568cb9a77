import { expect, test } from "bun:test";
import {
  equalsIgnoringCase,
  HEX_VALUE,
  HOST_BYTES,
  NOT_HEX,
  TARGET_BYTES,
  TOKEN_BYTES,
  VALUE_BYTES,
} from "../../src/http/grammar.ts";

/** Compares a table with a regular expression, an independent spelling of the same rule, for all 256 bytes. */
function expectTable(table: Uint8Array, rule: RegExp): void {
  for (let byte = 0; byte < 256; byte++) {
    expect([byte, table[byte]]).toEqual([byte, rule.test(String.fromCharCode(byte)) ? 1 : 0]);
  }
}

test("token bytes: RFC 9110 5.6.2", () => expectTable(TOKEN_BYTES, /[!#$%&'*+\-.^_`|~0-9A-Za-z]/));
test("value bytes: HTAB and everything from space up", () => expectTable(VALUE_BYTES, /[\t\x20-\xff]/));
test("target bytes: no control, no space, no DEL", () => expectTable(TARGET_BYTES, /[\x21-\x7e\x80-\xff]/));
test("host bytes: RFC 3986 3.2.2 with port and brackets", () =>
  expectTable(HOST_BYTES, /[A-Za-z0-9\-._~%!$&'()*+,;=:[\]]/));

test("hex values", () => {
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    const expected = /[0-9a-fA-F]/.test(character) ? Number.parseInt(character, 16) : NOT_HEX;
    expect([character, HEX_VALUE[byte]]).toEqual([character, expected]);
  }
});

test("equalsIgnoringCase folds letters and nothing else a token may have", () => {
  const name = "content-length";
  expect(equalsIgnoringCase(Buffer.from("xCoNtEnT-LENGTH"), 1, name)).toBe(true);
  for (let index = 0; index < name.length; index++) {
    for (let byte = 0x20; byte < 256; byte++) {
      const bytes = Buffer.from(name);
      bytes[index] = byte;
      const isSame = bytes.toString("latin1").toLowerCase() === name;
      expect([index, byte, equalsIgnoringCase(bytes, 0, name)]).toEqual([index, byte, isSame]);
    }
  }
});
