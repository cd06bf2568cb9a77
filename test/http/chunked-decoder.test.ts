import { expect, test } from "bun:test";
import { CHUNK_DATA, CHUNK_END, CHUNK_NEED_DATA, ChunkedDecoder } from "../../src/http/chunked-decoder.ts";
import { DEFAULT_LIMITS, type ParserLimits } from "../../src/http/limits.ts";
import { PARSE_ERROR } from "../../src/http/parse-error.ts";

/** Feeds pieces; returns the data, the last event and how many bytes were left over. */
function decode(pieces: readonly string[], limits: ParserLimits = DEFAULT_LIMITS): [string, number, number] {
  const decoder = new ChunkedDecoder(limits);
  let data = "";
  let event = CHUNK_NEED_DATA;
  for (const piece of pieces) {
    const bytes = Buffer.from(`#${piece}#`, "latin1");
    const end = bytes.length - 1;
    let position = 1;
    for (;;) {
      event = decoder.next(bytes, position, end);
      position = decoder.position;
      if (event === CHUNK_DATA) data += bytes.toString("latin1", decoder.dataStart, decoder.dataEnd);
      else if (event === CHUNK_NEED_DATA) break;
      else return [data, event, end - position];
    }
    expect(position).toBe(end);
  }
  return [data, event, 0];
}

test("decodes the same however it is cut, and leaves what follows", () => {
  const text = '5;a="b"\r\nhello\r\n0a\r\n0123456789\r\n0\r\nT: v\r\nU:\r\n\r\nGET';
  const expected: [string, number, number] = ["hello0123456789", CHUNK_END, 3];
  expect(decode([text])).toEqual(expected);
  for (let offset = 0; offset <= text.length - 3; offset++) {
    const rest = text.slice(offset);
    expect(decode([text.slice(0, offset), rest])).toEqual(
      rest === "GET" ? [expected[0], CHUNK_END, 0] : expected,
    );
  }
  expect(decode([...text.slice(0, -3)])).toEqual([expected[0], CHUNK_END, 0]);
});

test("starts over after the end and after reset", () => {
  const decoder = new ChunkedDecoder(DEFAULT_LIMITS);
  const bytes = Buffer.from("0\r\n\r\n0\r\n\r\n3;ext\r\nab");
  expect(decoder.next(bytes, 0, bytes.length)).toBe(CHUNK_END);
  expect(decoder.next(bytes, decoder.position, bytes.length)).toBe(CHUNK_END);
  expect(decoder.position).toBe(10);
  expect(decoder.next(bytes, 10, bytes.length)).toBe(CHUNK_DATA);
  decoder.reset();
  expect(decoder.next(bytes, 0, 5)).toBe(CHUNK_END);
});

test("sizes: bounds", () => {
  expect(decode(["1fffffffffffff\r\nx"])).toEqual(["x", CHUNK_NEED_DATA, 0]);
  for (const size of ["20000000000000", "ffffffffffffffff", "10000000000000000", "0".repeat(17)]) {
    expect([size, decode([`${size}\r\n`])[1]]).toEqual([size, -PARSE_ERROR.CHUNK_SIZE_OUT_OF_RANGE]);
  }
  expect(decode([`${"0".repeat(15)}1\r\nx\r\n0\r\n\r\n`])).toEqual(["x", CHUNK_END, 0]);
});

test("a size takes hexadecimal digits and nothing else", () => {
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    const isDigit = /[0-9a-fA-F]/.test(character);
    const [, event] = decode([`${character}\r\n`]);
    expect([byte, event === -PARSE_ERROR.BAD_CHUNK_SIZE]).toEqual([byte, !isDigit]);
  }
});

test("extensions that data does not pay for add up to an error", () => {
  const limits = { ...DEFAULT_LIMITS, chunkExtensionBytes: 100 };
  const small = `1;${"e".repeat(29)}\r\nx\r\n`;
  // Each costs 30 bytes, 18 of them free: 12 are counted.
  expect(decode([small.repeat(7)], limits)[1]).toBe(CHUNK_NEED_DATA);
  expect(decode([small.repeat(20)], limits)[1]).toBe(-PARSE_ERROR.CHUNK_EXTENSIONS_TOO_LARGE);
  const signed = `40;${"e".repeat(90)}\r\n${"x".repeat(64)}\r\n`;
  expect(decode([signed.repeat(1000)], limits)).toEqual(["x".repeat(64000), CHUNK_NEED_DATA, 0]);
});

test("extensions and trailers are bounded", () => {
  const limits = { ...DEFAULT_LIMITS, chunkExtensionBytes: 10, trailerBytes: 10 };
  for (const filler of ["e", " ", ";", "\xff"]) {
    expect(decode([`5;${filler.repeat(25)}\r\nhello\r\n0\r\n\r\n`], limits)[1]).toBe(CHUNK_END);
    expect(decode([`5;${filler.repeat(26)}`], limits)[1]).toBe(-PARSE_ERROR.CHUNK_EXTENSIONS_TOO_LARGE);
  }
  expect(decode([`5${" ".repeat(27)}`], limits)[1]).toBe(-PARSE_ERROR.CHUNK_EXTENSIONS_TOO_LARGE);
  expect(decode(["0\r\na: bcd\r\n\r\n"], limits)[1]).toBe(CHUNK_END);
  expect(decode(["0\r\na: bcde\r\n\r\n"], limits)[1]).toBe(-PARSE_ERROR.TRAILER_TOO_LARGE);
  expect(decode(["0\r\naaaaaaaaaaa"], limits)[1]).toBe(-PARSE_ERROR.TRAILER_TOO_LARGE);
});
