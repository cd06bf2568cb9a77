import { expect, test } from "bun:test";
import { HttpDate } from "../../src/http/date.ts";

test("formats IMF-fixdate", () => {
  const date = new HttpDate();
  // The example of RFC 9110 section 5.6.7.
  expect(date.format(784111777000)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  expect(date.format(784111777999)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  expect(date.format(784111778000)).toBe("Sun, 06 Nov 1994 08:49:38 GMT");
  expect(date.format(784111777500)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  expect(date.format(0)).toBe("Thu, 01 Jan 1970 00:00:00 GMT");
});
