import { describe, expect, test } from "bun:test";
import { parseRange } from "../../src/http/range.ts";

const whole = "ignored" as const;
const none = "unsatisfiable" as const;
const part = (start: number, length: number) => ({ start, length });

describe("of 18 bytes", () => {
  const cases: [string, ReturnType<typeof parseRange>][] = [
    ["bytes=0-4", part(0, 5)],
    ["Bytes=0-4", part(0, 5)],
    ["bytes = 0 - 4", part(0, 5)],
    ["bytes=\t0-4", part(0, 5)],
    ["bytes=00001-2", part(1, 2)],
    ["bytes=5-", part(5, 13)],
    ["bytes=17-17", part(17, 1)],
    ["bytes=0-100", part(0, 18)],
    ["bytes=-5", part(13, 5)],
    ["bytes=-18", part(0, 18)],
    ["bytes=-100", part(0, 18)],
    ["bytes=0-18446744073709551615", part(0, 18)],
    ["bytes=-18446744073709551615", part(0, 18)],
    ["bytes=18-", none],
    ["bytes=18-20", none],
    ["bytes=20-18", none],
    ["bytes=-0", none],
    ["bytes=18446744073709551615-", none],
    ["bytes=18446744073709551616-", whole],
    ["bytes=0-18446744073709551616", whole],
    ["bytes=-99999999999999999999999", whole],
    ["bytes=000000000000000000000000001-2", part(1, 2)],
    ["bytes=4-2", whole],
    ["bytes=0-4,6-8", whole],
    ["bytes=0-4,", whole],
    ["bytes=-", whole],
    ["bytes=--5", whole],
    ["bytes=1--2", whole],
    ["bytes=1-2-3", whole],
    ["bytes=+1-2", whole],
    ["bytes=1.5-2", whole],
    ["bytes=0x1-2", whole],
    ["bytes=1", whole],
    ["bytes=", whole],
    ["bytes", whole],
    ["", whole],
    ["0-4", whole],
    ["-bytes=0-4", whole],
    ["items=0-4", whole],
    ["bytes:0-4", whole],
    ["bytes==0-4", whole],
  ];
  test.each(cases)("%p", (value, expected) => expect(parseRange(value, 18)).toEqual(expected));
});

describe("of no bytes", () => {
  const cases: [string, ReturnType<typeof parseRange>][] = [
    ["bytes=0-", none],
    ["bytes=0-0", none],
    ["bytes=4-2", none],
    ["bytes=-0", none],
    ["bytes=-1", whole],
  ];
  test.each(cases)("%p", (value, expected) => expect(parseRange(value, 0)).toEqual(expected));
});

test("sizes above 32 bits", () => {
  expect(parseRange("bytes=5000000000-5000000009", 6_000_000_000)).toEqual(part(5_000_000_000, 10));
  expect(parseRange("bytes=-1", 2 ** 53 - 1)).toEqual(part(2 ** 53 - 2, 1));
});

test("a field of 16 KiB of spaces is judged at once", () => {
  const started = performance.now();
  for (let i = 0; i < 100; i++) parseRange(`bytes=${" ".repeat(16_000)}`, 18);
  // Quadratic time would take minutes; the bound is wide.
  expect(performance.now() - started).toBeLessThan(2000);
});

describe("what Bun.serve does with the same field", () => {
  test("is the same for any field", async () => {
    const fields = [
      ...["bytes=0-4", "BYTES=3-", "bytes =0-4", "bytes= 0-4", "bytes=0 -4", "bytes=0- 4", "bytes=-5"],
      ...["bytes=18-", "bytes=17-", "bytes=20-18", "bytes=4-2", "bytes=-0", "bytes=-19", "bytes=0-1,3-4"],
      ...["bytes=18446744073709551615-", "bytes=18446744073709551616-", "bytes=-18446744073709551616"],
      ...["bytes=1-9223372036854775807", "bytes=1_0-12", "bytes=-5-", "bytes=a-b", "items=0-4", "bytes=1"],
    ];
    const path = `/tmp/epollo-range-${process.pid}.txt`;
    await Bun.write(path, "0123456789abcdefgh");
    using server = Bun.serve({ port: 0, hostname: "127.0.0.1", routes: { "/": Bun.file(path) } });
    try {
      for (const range of fields) {
        const response = await fetch(server.url, { headers: { range } });
        const result = parseRange(range, 18);
        const [status, text] =
          result === whole
            ? [200, "0123456789abcdefgh"]
            : result === none
              ? [416, ""]
              : [206, "0123456789abcdefgh".slice(result.start, result.start + result.length)];
        expect([range, response.status, await response.text()]).toEqual([range, status, text]);
      }
    } finally {
      await Bun.file(path).delete();
    }
  });
});
