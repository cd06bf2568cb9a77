/** Generates valid requests together with the events they must give, built from the parts and not by parsing. */

import fc from "fast-check";
import { METHODS } from "../../src/http/method.ts";
import { cutAt, escapeBytes } from "./event-log.ts";

/** A request and its events. */
export interface GeneratedRequest {
  readonly bytes: Buffer;
  readonly events: readonly string[];
}

const NAME = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz";
const fieldName = fc
  .array(fc.constantFrom(...NAME), { minLength: 1, maxLength: 24 })
  .map((characters) => "x" + characters.join(""));
const VALUE = ' \t!"#,;:=aZ09~\x7f\x80\xe9\xff';
const fieldValue = fc
  .array(fc.constantFrom(...VALUE), { maxLength: 30 })
  .map((characters) => characters.join(""));
const TARGET = '/?&=%20aZ9.~"<>{}|\x80\xff#';
const target = fc
  .array(fc.constantFrom(...TARGET), { maxLength: 40 })
  .map((characters) => "/" + characters.join(""));
const content = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const chunkExtension = fc.constantFrom("", ";a", "; a=b", ' ;a="b;c"', ";\xff");
const chunk = fc.record({
  data: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  extension: chunkExtension,
  zeros: fc.nat({ max: 3 }),
  isUpper: fc.boolean(),
});
const body = fc.oneof(
  fc.constant({ kind: "none" as const }),
  fc.record({ kind: fc.constant("length" as const), content }),
  fc.record({
    kind: fc.constant("chunked" as const),
    chunks: fc.array(chunk, { maxLength: 4 }),
    trailers: fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 2 }),
  }),
);

/** Any valid request, of any method with an origin-form target. */
export const arbitraryRequest: fc.Arbitrary<GeneratedRequest> = fc
  .record({
    method: fc.constantFrom(...METHODS.filter((name) => name !== "CONNECT")),
    target,
    minorVersion: fc.constantFrom(1, 1, 1, 0),
    isClose: fc.boolean(),
    expects: fc.boolean(),
    fields: fc.array(fc.tuple(fieldName, fc.constantFrom("", " ", "\t "), fieldValue), { maxLength: 6 }),
    hasEmptyLine: fc.boolean(),
    body,
  })
  .map((parts) => {
    const isOld = parts.minorVersion === 0;
    const kind = isOld && parts.body.kind === "chunked" ? "none" : parts.body.kind;
    const lines = parts.fields.map(([name, space, value]) => ({
      text: `${name}:${space}${value}`,
      name,
      value,
    }));
    const add = (name: string, value: string): void => {
      lines.push({ text: `${name}: ${value}`, name, value });
    };
    add("Host", "example.com:80");
    if (parts.isClose) add("connection", "Foo, CLOSE");
    if (parts.expects) add("Expect", "100-continue");

    let wire = "";
    let decoded = "";
    let marks = isOld || parts.isClose ? " close" : "";
    if (kind === "length" && parts.body.kind === "length") {
      decoded = wire = parts.body.content;
      add("Content-length", String(decoded.length));
      marks += ` length=${decoded.length}`;
    } else if (kind === "chunked" && parts.body.kind === "chunked") {
      add("transfer-encoding", "Chunked");
      marks += " chunked";
      for (const { data, extension, zeros, isUpper } of parts.body.chunks) {
        const digits = data.length.toString(16);
        wire += `${"0".repeat(zeros)}${isUpper ? digits.toUpperCase() : digits}${extension}\r\n${data}\r\n`;
        decoded += data;
      }
      wire += `0\r\n${parts.body.trailers.map(([name, value]) => `${name}:${value}\r\n`).join("")}\r\n`;
    }
    if (parts.expects && !isOld) marks += " continue";

    const text =
      (parts.hasEmptyLine ? "\r\n" : "") +
      `${parts.method} ${parts.target} HTTP/1.${parts.minorVersion}\r\n` +
      lines.map((line) => line.text + "\r\n").join("") +
      "\r\n" +
      wire;
    const events = [`HEAD ${parts.method} ${escapeBytes(parts.target)} 1.${parts.minorVersion}${marks}`];
    for (const { name, value } of lines) {
      events.push(
        `FIELD ${escapeBytes(name.toLowerCase())}: ${escapeBytes(value.replace(/^[ \t]+|[ \t]+$/g, ""))}`,
      );
    }
    if (decoded !== "") events.push(`BODY ${escapeBytes(decoded)}`);
    events.push("END");
    return { bytes: Buffer.from(text, "latin1"), events };
  });

/** Cuts bytes at arbitrary numbers taken modulo their length. */
export function cutAnywhere(bytes: Buffer, numbers: readonly number[]): Buffer[] {
  const offsets = numbers.map((number) => number % (bytes.length + 1)).sort((left, right) => left - right);
  return cutAt(bytes, offsets);
}
