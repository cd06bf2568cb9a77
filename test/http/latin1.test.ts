import { expect, test } from "bun:test";
import { decodeLatin1 } from "../../src/http/latin1.ts";

test("every byte becomes the code point of its number, also from shared memory", () => {
  const bytes = Buffer.from(new SharedArrayBuffer(300), 20, 260);
  for (let byte = 0; byte < 256; byte++) bytes[byte + 2] = byte;
  const text = decodeLatin1(bytes, 2, 258);
  expect(text.length).toBe(256);
  for (let byte = 0; byte < 256; byte++) expect(text.charCodeAt(byte)).toBe(byte);
  expect(decodeLatin1(bytes, 67, 67)).toBe("");
});
