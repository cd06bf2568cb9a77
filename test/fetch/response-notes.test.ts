import { describe, expect, test } from "bun:test";
import {
  bodyKindOf,
  bodyTextOf,
  installResponseNotes,
  isBare,
  isForeign,
  isTextSent,
  KIND_BLOB,
  KIND_BYTES,
  KIND_JSON,
  KIND_STREAM,
  KIND_UNKNOWN,
  noteTextSent,
} from "../../src/fetch/response-notes.ts";

const before = globalThis.Response;
// Not in beforeAll: the classes below extend what Response is when they are evaluated.
installResponseNotes();

describe("the constructor", () => {
  test("is installed once, however often it is asked for", () => {
    const installed = globalThis.Response;
    installResponseNotes();
    expect(globalThis.Response).toBe(installed);
  });

  test("makes Responses as before: instances of the class held from before too", async () => {
    const response = new Response("text", { status: 201, statusText: "Fine", headers: { "x-a": "1" } });
    expect(response).toBeInstanceOf(Response);
    expect(response).toBeInstanceOf(before);
    expect(new before("x")).toBeInstanceOf(Response);
    expect([response.status, response.statusText, response.headers.get("x-a")]).toEqual([201, "Fine", "1"]);
    expect(await response.text()).toBe("text");
  });

  test("is what `constructor` of every response names", () => {
    for (const response of [new Response(), Response.json(1), Response.error(), new Response().clone()]) {
      expect(response.constructor).toBe(Response);
    }
    expect(Object.keys(new Response("x"))).toEqual([]);
  });

  test("looks as the native one does", () => {
    expect([Response.name, Response.length, typeof Response]).toEqual(["Response", 0, "function"]);
    expect(Response.prototype).toBe(before.prototype);
    expect(Object.prototype.toString.call(new Response())).toBe("[object Response]");
    const descriptor = Object.getOwnPropertyDescriptor(Response.prototype, "constructor")!;
    expect(descriptor.enumerable).toBe(false);
  });

  // Reason: the function assigned to `prototype.clone` has no name; the native one is called "clone".
  test("clone keeps its name", () => {
    expect(Response.prototype.clone.name).toBe("clone");
  });

  test("cannot be called without new", () => {
    expect(() => (Response as unknown as () => void)()).toThrow(TypeError);
  });

  test("throws what the native one throws", () => {
    expect(() => new Response("x", { status: 999 })).toThrow(RangeError);
    expect(() => new Response("x", { headers: { "bad name": "1" } })).toThrow();
  });

  test("has the static methods", async () => {
    const json = Response.json({ a: 1 }, { status: 202 });
    expect([json.status, await json.json()]).toEqual([202, { a: 1 }]);
    const redirect = Response.redirect("/there", 307);
    expect([redirect.status, redirect.headers.get("location")]).toEqual([307, "/there"]);
    expect(Response.error().type).toBe("error");
  });
});

describe("Response.json", () => {
  const native = before.json;
  const type = "application/json;charset=utf-8";

  test("notes the text that it makes", async () => {
    const response = Response.json({ a: "\u20ac", b: [1, null] });
    expect(bodyTextOf(response)).toBe('{"a":"\u20ac","b":[1,null]}');
    expect([...response.headers]).toEqual([["content-type", type]]);
    expect([response.status, response.statusText, response.ok]).toEqual([200, "", true]);
    const blob = await response.clone().blob();
    expect([blob.type, await blob.text()]).toEqual([type, '{"a":"\u20ac","b":[1,null]}']);
    expect(await response.json()).toEqual({ a: "\u20ac", b: [1, null] });
    expect(response.bodyUsed).toBe(true);
  });

  test("shows what the native one shows", async () => {
    const value = { a: 1 };
    expect(Bun.inspect(Response.json(value))).toBe(Bun.inspect(native(value)));
    for (const given of [null, "x", 1, Number.NaN, true, [], { a: "\ud800" }, new Date(0)]) {
      expect(await Response.json(given).bytes()).toEqual(await native(given).bytes());
    }
    const created = Response.json(value, {
      status: 201,
      headers: { "content-type": "application/problem+json" },
    });
    expect([created.status, created.headers.get("content-type")]).toEqual([201, "application/problem+json"]);
    const { status } = Response.json(value, 404 as never);
    expect(status).toBe(404);
  });

  test("gives each response fields of its own", () => {
    const first = Response.json({});
    first.headers.set("x-a", "1");
    first.headers.set("content-type", "text/plain");
    expect([...Response.json({}).headers]).toEqual([["content-type", type]]);
  });

  test("throws what the native one throws", () => {
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    const failing = {
      toJSON: () => {
        throw new RangeError("no json");
      },
    };
    for (const value of [undefined, () => 1, Symbol("a"), 1n, { big: 1n }, cycle, failing]) {
      const errorOf = (make: () => unknown): unknown => {
        try {
          return make();
        } catch (error) {
          return [(error as Error).constructor, (error as Error).message];
        }
      };
      expect(errorOf(() => Response.json(value))).toEqual(errorOf(() => native(value)));
    }
  });

  test("asks toJSON once, also where it gives nothing", async () => {
    let calls = 0;
    const value = { toJSON: () => void calls++ };
    const response = Response.json(value);
    const real = native(value);
    expect(calls).toBe(2);
    expect([bodyKindOf(response), bodyTextOf(response)]).toEqual([KIND_UNKNOWN, null]);
    expect([await response.text(), [...response.headers]]).toEqual([await real.text(), [...real.headers]]);
  });
});

describe("subclasses", () => {
  class Page extends Response {
    readonly title: string;

    constructor(title: string, body: Bun.BodyInit = `<h1>${title}</h1>`) {
      super(body, { headers: { "content-type": "text/html" } });
      this.title = title;
    }

    shout(): string {
      return this.title.toUpperCase();
    }
  }

  test("work, and are Responses", async () => {
    const page = new Page("home");
    expect(page).toBeInstanceOf(Page);
    expect(page).toBeInstanceOf(Response);
    expect([page.constructor, page.title, page.shout()]).toEqual([Page, "home", "HOME"]);
    expect([page.headers.get("content-type"), await page.text()]).toEqual(["text/html", "<h1>home</h1>"]);
  });

  test("are noted too, and inherit the static methods", async () => {
    expect(bodyKindOf(new Page("x", new Uint8Array(1)))).toBe(KIND_BYTES);
    expect(bodyKindOf(new Page("x", new ReadableStream()))).toBe(KIND_STREAM);
    expect(await Page.json([1]).json()).toEqual([1]);
  });

  test("a class without a constructor of its own", async () => {
    class Plain extends Response {}
    const plain = new Plain(new Uint8Array([65]), { status: 203 });
    expect([plain.constructor, plain.status, bodyKindOf(plain)]).toEqual([Plain, 203, KIND_BYTES]);
    expect(await plain.text()).toBe("A");
  });
});

describe("what is noted", () => {
  test.each([
    ["a string", () => "x", KIND_UNKNOWN],
    ["nothing", () => undefined, KIND_UNKNOWN],
    ["null", () => null, KIND_UNKNOWN],
    ["a form", () => new FormData(), KIND_UNKNOWN],
    ["search parameters", () => new URLSearchParams("a=1"), KIND_UNKNOWN],
    ["a Uint8Array", () => new Uint8Array(1), KIND_BYTES],
    ["a Buffer", () => Buffer.from("x"), KIND_BYTES],
    ["a DataView", () => new DataView(new ArrayBuffer(1)), KIND_BYTES],
    ["an ArrayBuffer", () => new ArrayBuffer(1), KIND_BYTES],
    ["a Blob", () => new Blob(["x"]), KIND_BLOB],
    ["a file", () => Bun.file("/nowhere"), KIND_BLOB],
    ["a stream", () => new ReadableStream(), KIND_STREAM],
    ["a stream of a Blob", () => new Blob(["x"]).stream(), KIND_STREAM],
    [
      "a generator",
      () =>
        (async function* () {
          yield "x";
        })(),
      KIND_STREAM,
    ],
    [
      "a generator function",
      () =>
        async function* () {
          yield "x";
        },
      KIND_STREAM,
    ],
  ])("%s", (_, body, kind) => {
    expect(bodyKindOf(new Response(body() as Bun.BodyInit))).toBe(kind);
  });

  test("nothing of responses that came from elsewhere, but what was fetched is a stream", async () => {
    expect(bodyKindOf(Response.json({}))).toBe(KIND_JSON);
    expect(bodyKindOf(Response.json({}, { status: 201 }))).toBe(KIND_UNKNOWN);
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("far") });
    try {
      const fetched = await fetch(server.url);
      expect(bodyKindOf(fetched)).toBe(KIND_STREAM);
      expect(bodyKindOf(fetched.clone() as Response)).toBe(KIND_STREAM);
      expect(bodyKindOf(new Response(fetched.body, fetched))).toBe(KIND_STREAM);
      expect(fetched.constructor).toBe(Response);
    } finally {
      await server.stop(true);
    }
  });
});

test("foreign are those of a constructor held from before, and what HTMLRewriter makes", () => {
  for (const made of [new Response(), Response.json(1), Response.redirect("/"), Response.error()]) {
    expect([isForeign(made), isForeign(made.clone() as Response)]).toEqual([false, false]);
  }
  class Mine extends Response {}
  expect(isForeign(new Mine("x"))).toBe(false);
  // Another file of this run may have installed the notes long ago.
  const Native = Object.getPrototypeOf(Response) as typeof Response;
  const foreign = [new Native("x"), new Native(new ReadableStream()), Native.json(1)];
  for (const made of foreign)
    expect([isForeign(made), isForeign(made.clone() as Response)]).toEqual([true, true]);
  expect(isForeign(new HTMLRewriter().transform(new Response("<p>")))).toBe(true);
});

test("static methods keep names, lengths and places", () => {
  for (const name of ["json", "redirect", "error"] as const) {
    const ours = Object.getOwnPropertyDescriptor(Response, name)!;
    const native = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Response), name)!;
    expect({ ...ours, value: null }).toEqual({ ...native, value: null });
    expect([ours.value.name, ours.value.length]).toEqual([native.value.name, native.value.length]);
  }
});

test("a clone has its original's note and body", async () => {
  for (const [body, kind] of [
    [Buffer.from("abc"), KIND_BYTES],
    [new Blob(["abc"]).stream(), KIND_STREAM],
    ["abc", KIND_UNKNOWN],
  ] as const) {
    const response = new Response(body as Bun.BodyInit, { status: 202 });
    const copy = response.clone() as Response;
    expect([bodyKindOf(copy), copy.status]).toEqual([kind, 202]);
    expect(await Promise.all([copy.text(), response.text()])).toEqual(["abc", "abc"]);
  }
});

test("clone of a response that was read throws as before", async () => {
  const response = new Response("x");
  await response.text();
  expect(() => response.clone()).toThrow();
});

describe("a Response is bare", () => {
  const native = Object.getPrototypeOf(Response) as typeof Response;
  const bodies: readonly [string, () => Response, boolean][] = [
    ["made from a string alone", () => new Response("x"), true],
    ["made from bytes alone", () => new Response(new Uint8Array(1)), true],
    ["made by Response.json from a value alone", () => Response.json({}), true],
    ["with a status", () => new Response("x", { status: 201 }), false],
    ["with fields", () => new Response("x", { headers: { a: "b" } }), false],
    ["of Response.json with a status", () => Response.json({}, { status: 201 }), false],
    ["with a Blob, whose type is a field", () => new Response(new Blob(["x"], { type: "a/b" })), false],
    ["with parameters", () => new Response(new URLSearchParams("a=b")), false],
    ["without a body", () => new Response(), false],
    ["a clone", () => new Response("x").clone() as Response, false],
    ["of a subclass", () => new (class extends Response {})("x"), false],
    ["of the native constructor", () => new native("x"), false],
  ];
  test.each(bodies)("%s: %p %p", (_, make, wanted) => {
    expect(isBare(make())).toBe(wanted);
  });

  test("until somebody looks at its fields, which are those of the native one", () => {
    for (const [name, make] of bodies) {
      const response = make();
      const copy = new native(response.body, { headers: response.headers });
      expect([name, isBare(response), [...response.headers]]).toEqual([name, false, [...copy.headers]]);
      expect(response.headers).toBe(response.headers);
    }
  });
});

test("a response that was given another prototype is not bare: who asks for its fields is not seen", () => {
  for (const prototype of [Response.prototype, class extends Response {}.prototype]) {
    const response = Object.setPrototypeOf(new Response("x"), prototype) as Response;
    response.headers.set("x-a", "1");
    expect([isBare(response), response.headers.get("x-a")]).toEqual([false, "1"]);
  }
});

test("that its fields were looked at is known by way of our getter alone, not of the native one", () => {
  const { get } = Object.getOwnPropertyDescriptor(Response.prototype, "headers") as {
    get(this: Response): Headers;
  };
  const response = new Response("x");
  get.call(response).set("a", "b");
  expect([isBare(response), response.headers.get("a"), isBare(response)]).toEqual([true, "b", false]);
});

describe("the text of a Response made from a string", () => {
  test("is noted, and a clone has it too", () => {
    const response = new Response("text", { status: 201 });
    expect(bodyTextOf(response)).toBe("text");
    expect(bodyTextOf(response.clone() as Response)).toBe("text");
    class Sub extends Response {}
    expect(bodyTextOf(new Sub("of a subclass"))).toBe("of a subclass");
  });

  test("is not noted for anything else", () => {
    for (const body of [new Uint8Array(1), null, undefined, new Blob(["a"]), new URLSearchParams("a=b")]) {
      expect(bodyTextOf(new Response(body))).toBeNull();
    }
    expect(bodyTextOf(new Response(5 as never))).toBeNull();
    expect(bodyTextOf(Response.json({}, { status: 201 }))).toBeNull();
  });

  test("is gone once it was sent, and that is known", () => {
    const response = new Response("text");
    expect(isTextSent(response)).toBe(false);
    noteTextSent(response);
    expect([bodyTextOf(response), isTextSent(response)]).toEqual([null, true]);
  });
});
