/** A light Response, beside the native one that it stands for. */
import { describe, expect, test } from "bun:test";
import { LightResponse } from "../../src/fetch/light-response.ts";
import { lightly } from "../support/light-responses.ts";

const Native = Object.getPrototypeOf(Response) as typeof Response;
type Make = (Class: typeof Response) => Response;

const made: readonly [string, Make][] = [
  ["a text", (Class) => new Class("text")],
  ["an empty text", (Class) => new Class("")],
  ["a text with a status", (Class) => new Class("none", { status: 404 })],
  [
    "a text with fields",
    (Class) => new Class("<p>", { status: 201, headers: { "X-A": "1", "Content-Type": "text/html" } }),
  ],
  ["bytes", (Class) => new Class(new Uint8Array([104, 105]))],
  ["a Buffer with fields", (Class) => new Class(Buffer.from("hi"), { headers: { etag: '"a"' } })],
  ["an ArrayBuffer", (Class) => new Class(new Uint8Array([104, 105]).buffer)],
  ["JSON", (Class) => Class.json({ a: [1, null] })],
  ["JSON with a status", (Class) => Class.json([1], { status: 500 })],
  ["JSON with fields", (Class) => Class.json({}, { headers: { "x-a": "1", "cache-control": "no-store" } })],
  [
    "JSON with its type",
    (Class) => Class.json({}, { headers: { "content-type": "application/problem+json" } }),
  ],
];

const names = Object.getOwnPropertyNames(Native.prototype).filter((name) => name !== "constructor");

async function shown(response: Response, name: string): Promise<unknown> {
  try {
    const member = (response as unknown as Record<string, unknown>)[name];
    const value = typeof member === "function" ? await (member.call(response) as unknown) : member;
    if (value instanceof Response) {
      return [
        value.status,
        value.ok,
        [...value.headers],
        value.bodyUsed,
        await value.text(),
        response.bodyUsed,
      ];
    }
    if (value instanceof Headers) return [...value];
    if (value instanceof Blob) return [value.size, value.type, await value.text()];
    if (value instanceof ReadableStream)
      return [value.locked, await Bun.readableStreamToText(value), response.bodyUsed];
    return value;
  } catch (error) {
    return [(error as Error).name, (error as Error).message, (error as { code?: string }).code];
  }
}

describe.each(made)("%s", (_, make) => {
  const light = (): Response => {
    const response = lightly(() => make(Response));
    expect(LightResponse.lightOf(response)).not.toBeNull();
    return response;
  };

  test.each(names)("%s is as the native one's", async (name) => {
    expect(await shown(light(), name)).toEqual(await shown(make(Native), name));
  });

  test.each(names)("%s of one that was read is as the native one's", async (name) => {
    const read = light();
    const native = make(Native);
    await Promise.all([read.arrayBuffer(), native.arrayBuffer()]);
    expect(await shown(read, name)).toEqual(await shown(native, name));
    expect(read.bodyUsed).toBe(native.bodyUsed);
  });

  test("one that was sent is used", async () => {
    const sent = light();
    LightResponse.take(sent as unknown as LightResponse);
    expect([sent.bodyUsed, sent.status]).toEqual([true, make(Native).status]);
    expect(await shown(sent, "text")).toEqual(["TypeError", "Body already used", "ERR_BODY_ALREADY_USED"]);
    expect([...sent.headers]).toEqual([...make(Native).headers]);
    expect(sent.bodyUsed).toBe(true);
    expect(await shown(sent, "clone")).toHaveLength(3);
  });

  test("prints as the native one", () => {
    expect(Bun.inspect(light())).toBe(Bun.inspect(make(Native)));
  });

  test("passes for a Response", () => {
    const response = light();
    expect(response instanceof Response && response instanceof Native).toBe(true);
    expect(response.constructor).toBe(Response);
    expect(Object.prototype.toString.call(response)).toBe("[object Response]");
    expect([Object.keys(response), JSON.stringify(response)]).toEqual([[], "{}"]);
    const found: string[] = [];
    for (const name in response) found.push(name);
    const wanted: string[] = [];
    for (const name in make(Native)) wanted.push(name);
    expect(found.sort()).toEqual(wanted.sort());
  });

  test("fields that are changed are those that it has, also for who asks later", () => {
    const response = light();
    const { headers } = response;
    headers.set("x-changed", "1");
    expect(response.headers).toBe(headers);
    expect(response.headers.get("x-changed")).toBe("1");
    expect((response.clone() as Response).headers.get("x-changed")).toBe("1");
  });
});

test("bytes are those of when it was made", async () => {
  for (const given of [new Uint8Array([1, 2]), Buffer.from([1, 2]), new Uint8Array([1, 2]).buffer]) {
    const response = lightly(() => new Response(given));
    new Uint8Array(given instanceof ArrayBuffer ? given : given.buffer).fill(9);
    expect([...(await response.bytes())]).toEqual([1, 2]);
  }
});

test("the part of memory that a view shows is the body", async () => {
  const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
  expect([...(await lightly(() => new Response(view)).bytes())]).toEqual([2, 3]);
});

test("members that user code has put into Response.prototype see the light one", () => {
  const prototype = Response.prototype as unknown as Record<string, unknown>;
  Object.defineProperty(prototype, "shout", {
    value(this: Response) {
      return this;
    },
    configurable: true,
    writable: true,
  });
  const response = lightly(() => new Response("x"));
  expect((response as unknown as { shout(): unknown }).shout()).toBe(response);
  Reflect.deleteProperty(prototype, "shout");
});
