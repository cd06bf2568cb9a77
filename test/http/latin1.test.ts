import { expect, test } from "bun:test";
import { decodeLatin1, writeUtf8 } from "../../src/http/latin1.ts";

test("every byte becomes the code point of its number, also from shared memory", () => {
  const bytes = Buffer.from(new SharedArrayBuffer(300), 20, 260);
  for (let byte = 0; byte < 256; byte++) bytes[byte + 2] = byte;
  const text = decodeLatin1(bytes, 2, 258);
  expect(text.length).toBe(256);
  for (let byte = 0; byte < 256; byte++) expect(text.charCodeAt(byte)).toBe(byte);
  expect(decodeLatin1(bytes, 67, 67)).toBe("");
});

test("text becomes UTF-8, lone surrogates U+FFFD, as a Response has it", async () => {
  for (const text of [
    "",
    "plain",
    "h\xe4llo",
    "\u20ac \u{1f600}",
    "a\ud800b\udc00",
    "\u{10ffff}".repeat(9),
  ]) {
    const bytes = Buffer.alloc(text.length * 3 + 2);
    const length = writeUtf8(bytes, text, 2);
    expect([...bytes.subarray(2, 2 + length)]).toEqual([...(await new Response(text).bytes())]);
  }
});
