import { expect, test } from "bun:test";
import { copyAnswer } from "../../src/roles/native-answer.ts";

test("head and a part of the body, one behind the other", () => {
  const body = Buffer.from("0123456789");
  const copy = copyAnswer("h\u00e9ad|", body, 2, 5);
  body.fill("x");
  expect([copy.length, copy.bytes.toString("latin1")]).toEqual([8, "h\u00e9ad|234"]);
});

test("without a body, and with nothing at all", () => {
  expect(copyAnswer("head", null, 0, 0).bytes.toString()).toBe("head");
  expect(copyAnswer("", null, 0, 0).length).toBe(1);
});
