import { afterAll, describe, expect, test } from "bun:test";
import { appendFileSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileReferenceOf } from "../../src/fetch/file-reference.ts";

const base = mkdtempSync(join(tmpdir(), "epollo-reference-"));
const path = join(base, "é.txt");
writeFileSync(path, "0123456789abcdefgh");
afterAll(() => rmSync(base, { recursive: true }));

const TEXT = "text/plain;charset=utf-8";
const toEnd = Number.POSITIVE_INFINITY;
const reference = (start: number, end: number, type = TEXT) => ({
  path,
  fd: -1,
  start,
  end,
  name: path,
  type,
});

describe("files and slices, themselves and out of a Response", () => {
  const cases: [string, () => Blob, ReturnType<typeof reference>][] = [
    ["whole", () => Bun.file(path), reference(0, toEnd)],
    ["missing", () => Bun.file(path), reference(0, toEnd)],
    ["slice", () => Bun.file(path).slice(2, 5), reference(2, 5)],
    ["slice from the start", () => Bun.file(path).slice(0, 5), reference(0, 5)],
    ["slice to the end", () => Bun.file(path).slice(5), reference(5, toEnd)],
    ["slice beyond the end", () => Bun.file(path).slice(30, 40), reference(30, 40)],
    ["empty slice", () => Bun.file(path).slice(3, 3), reference(3, 3)],
    ["slice of a slice", () => Bun.file(path).slice(2, 12).slice(3, 6), reference(5, 8)],
    ["slice with a type", () => Bun.file(path).slice(2, 5, "a/b"), reference(2, 5, "a/b")],
    ["file with a type", () => Bun.file(path, { type: "x/y" }), reference(0, toEnd, "x/y")],
    ["far", () => Bun.file(path).slice(6e9, 9e9), reference(6e9, 9e9)],
  ];
  test.each(cases)("%s", (_, make, expected) => {
    expect(fileReferenceOf(make())).toEqual(expected);
    expect(fileReferenceOf(Bun.peek(new Response(make()).blob()) as Blob)).toEqual(expected);
  });

  test("a stream of a file is the file again", () => {
    const blob = Bun.peek(new Response(Bun.file(path).slice(2, 5).stream()).blob()) as Blob;
    expect(fileReferenceOf(blob)).toMatchObject({ path, start: 2, end: 5 });
  });

  test("a file that was asked for its size ends there", () => {
    const file = Bun.file(path);
    expect(file.size).toBe(18);
    expect(fileReferenceOf(file)).toEqual(reference(0, 18));
    expect(fileReferenceOf(file.slice(-3))).toEqual(reference(15, 18));
  });

  test("a renamed file keeps its path", () => {
    const file = Bun.file(path) as Blob & { name: string };
    file.name = "other.bin";
    expect(fileReferenceOf(file)).toMatchObject({ path, name: "other.bin" });
  });
});

test("sending one file object again and again follows the file", () => {
  const growing = join(base, "growing");
  writeFileSync(growing, "01234");
  const file = Bun.file(growing);
  for (let i = 0; i < 3; i++) {
    expect(fileReferenceOf(Bun.peek(new Response(file).blob()) as Blob)?.end).toBe(toEnd);
    appendFileSync(growing, "56789");
  }
});

test("a descriptor", () => {
  const fd = openSync(path, "r");
  const type = "application/octet-stream";
  expect(fileReferenceOf(Bun.file(fd))).toEqual({ path: null, fd, start: 0, end: toEnd, name: "", type });
  expect(fileReferenceOf(Bun.file(fd).slice(1, 2))).toMatchObject({ fd, start: 1, end: 2 });
  closeSync(fd);
});

describe("not files", () => {
  const named = Object.assign(new Blob(["bytes"]), { name: "x" });
  const cases: [string, Blob][] = [
    ["bytes", new Blob(["bytes"], { type: "text/plain" })],
    ["no bytes", new Blob([])],
    ["File in memory", new File(["bytes"], "x.txt")],
    ["Blob with a name", named],
    ["body of text", Bun.peek(new Response("text").blob()) as Blob],
    ["body that is a File", Bun.peek(new Response(new File(["bytes"], "x.txt")).blob()) as Blob],
    ["slice of bytes", new Blob(["bytes"]).slice(1, 3)],
  ];
  test.each(cases)("%s", (_, blob) => expect(fileReferenceOf(blob)).toBeNull());
});
