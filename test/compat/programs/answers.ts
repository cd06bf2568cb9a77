/** One path for each kind of Response (BUN-SERVE.md section 8); nothing here fails. */

type Answer = (request: Request, number: number) => unknown;

const BINARY: Uint8Array<ArrayBuffer> = Uint8Array.from({ length: 256 }, (_, index) => index);
const with_ =
  (headers: Record<string, string>, body: unknown = "hi"): Answer =>
  () =>
    new Response(body as never, { headers });

async function* generate(): AsyncGenerator<string> {
  for (const part of ["a", "", "bc"]) {
    await Bun.sleep(5);
    yield part;
  }
}

function streamOf(parts: readonly (string | Uint8Array)[], pauseMs = 0): ReadableStream {
  const left = [...parts];
  return new ReadableStream({
    async pull(controller) {
      if (pauseMs > 0) await Bun.sleep(pauseMs);
      const part = left.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(part);
    },
  });
}

const form = (): FormData => {
  const data = new FormData();
  data.set("a", "1");
  data.set("file", new Blob(["content"], { type: "text/x" }), "name.txt");
  return data;
};

const list = (...pairs: [string, string][]): Headers => {
  const headers = new Headers();
  for (const [name, value] of pairs) headers.append(name, value);
  return headers;
};

const answers: Record<string, Answer> = {
  "/string": () => new Response("hi"),
  "/unicode": () => new Response("h\u00e9 \u{1f600}"),
  "/latin1": () => new Response("caf\u00e9"),
  "/number": () => new Response(42 as never),
  "/object": () => new Response({} as never),
  "/boolean": () => new Response(false as never),
  "/empty": () => new Response(""),
  "/null": () => new Response(null),
  "/undefined": () => new Response(undefined),
  "/none": () => new Response(),
  "/bytes": () => new Response(BINARY),
  "/array-buffer": () => new Response(BINARY.buffer),
  "/buffer": () => new Response(Buffer.from("buffer")),
  "/view": () => new Response(new DataView(BINARY.buffer, 16, 32)),
  "/uint16": () => new Response(new Uint16Array([0x4142, 0x4344])),
  "/subarray": () => new Response(BINARY.subarray(65, 70)),
  "/empty-bytes": () => new Response(new Uint8Array(0)),
  "/empty-blob": () => new Response(new Blob([])),
  "/blob": () => new Response(new Blob(["blob"], { type: "text/x-blob" })),
  "/blob-untyped": () => new Response(new Blob(["blob"])),
  "/blob-bytes": () => new Response(new Blob([BINARY])),
  "/form": () => new Response(form()),
  "/params": () => new Response(new URLSearchParams({ a: "1", b: "x y" })),
  "/json": () => Response.json({ a: 1 }),
  "/json-status": () => Response.json({ a: 1 }, { status: 201, headers: { "x-a": "b" } }),
  "/json-own-type": () => Response.json([], { headers: { "content-type": "application/x-own" } }),
  "/redirect": () => Response.redirect("/x"),
  "/redirect-301": () => Response.redirect("/x?y=1", 301),
  "/redirect-url": () => Response.redirect("http://other.test/x", 307),
  "/large": () => new Response("l".repeat(300_000)),
  "/promise": async () => new Response("promised"),
  "/slow": async () => {
    await Bun.sleep(20);
    return new Response("slow");
  },
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tried.
  "/thenable": () => ({ then: (resolve: (value: Response) => void) => resolve(new Response("then")) }),
  "/clone": () => new Response("cloned").clone(),
  "/touched-body": () => {
    const response = new Response("touched");
    void response.body;
    return response;
  },
  "/status": (_, status) => new Response(`s${status}`, { status, statusText: "Not Sent" }),
  "/status-empty": (_, status) => new Response(null, { status }),
  "/status-typed": (_, status) =>
    new Response("x", { status, headers: { etag: '"x"', "content-type": "a/b" } }),
  "/304-length": () => new Response(null, { status: 304, headers: { "content-length": "55" } }),
  "/own-type": with_({ "content-type": "text/html" }, "<p>"),
  "/own-type-bytes": with_({ "content-type": "image/png" }, BINARY),
  "/own-type-empty": with_({ "content-type": "text/x" }, ""),
  "/empty-type": with_({ "content-type": "" }),
  "/blob-own-type": with_({ "content-type": "a/b" }, new Blob(["x"], { type: "text/x" })),
  "/params-own-type": () =>
    new Response(new URLSearchParams({ a: "1" }), { headers: { "content-type": "a/b" } }),
  "/own-length": with_({ "content-length": "3" }, "hello"),
  "/own-coding": with_({ "transfer-encoding": "chunked" }),
  "/own-encoding": with_({ "content-encoding": "gzip" }),
  "/own-date": with_({ date: "Thu, 01 Jan 1970 00:00:00 GMT" }),
  "/own-date-empty": with_({ date: "" }),
  "/own-server": with_({ server: "mine", via: "1.1 x", vary: "accept", etag: 'W/"1"' }),
  "/keep-alive": with_({ connection: "keep-alive" }),
  "/close": with_({ connection: "close" }),
  "/close-case": with_({ connection: "Close" }),
  "/close-list": with_({ connection: "x, close" }),
  "/cookies": () =>
    new Response("", { headers: list(["set-cookie", "a=1"], ["x-a", "1"], ["set-cookie", "b=2"]) }),
  "/repeated": () =>
    new Response("", { headers: list(["x-m", "1"], ["x-m", "2"], ["vary", "a"], ["vary", "b"]) }),
  "/latin1-field": with_({ "x-latin1": "caf\u00e9" }),
  "/empty-field": with_({ "x-empty": "" }),
  "/many-fields": () =>
    new Response("", {
      headers: list(...Array.from({ length: 100 }, (_, i): [string, string] => [`x-${i}`, "v"])),
    }),
  "/long-field": with_({ "x-long": "v".repeat(20_000) }),
  "/generator": () => new Response(generate() as never),
  "/generator-function": () => new Response(generate as never),
  "/iterable": () => new Response({ [Symbol.asyncIterator]: generate } as never),
  "/stream": () => new Response(streamOf(["a", "bc"], 5)),
  "/stream-bytes": () => new Response(streamOf([BINARY, BINARY], 5)),
  "/stream-text-type": () =>
    new Response(streamOf(["a", "b"], 5), { headers: { "content-type": "text/html" } }),
  "/stream-sync": () => new Response(streamOf(["AAA", "BBB", "CCC"])),
  "/stream-one": () => new Response(streamOf(["one"])),
  "/stream-empty": () => new Response(streamOf([])),
  "/stream-empty-chunk": () => new Response(streamOf(["a", "", "b"], 5)),
  "/stream-started": () =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const part of ["x", "y", "z"]) controller.enqueue(part);
          controller.close();
        },
      }),
    ),
  "/stream-closed": () => new Response(new ReadableStream({ start: (controller) => controller.close() })),
  "/stream-byte-type": () => {
    let count = 0;
    return new Response(
      new ReadableStream({
        type: "bytes",
        async pull(controller: ReadableByteStreamController) {
          await Bun.sleep(5);
          if (count++ < 2) controller.enqueue(new Uint8Array([65, 66]));
          else controller.close();
        },
      }),
    );
  },
  "/stream-direct": () =>
    new Response(
      new ReadableStream({
        type: "direct",
        async pull(controller: ReadableStreamDirectController) {
          controller.write("direct ");
          await controller.flush();
          await Bun.sleep(5);
          controller.write("done");
          controller.close();
        },
      } as never),
    ),
  "/stream-status": () => new Response(streamOf(["teapot"], 5), { status: 418, headers: { "x-a": "b" } }),
  "/stream-204": () => new Response(streamOf(["a"], 5), { status: 204 }),
  "/stream-large": () =>
    new Response(
      streamOf(
        Array.from({ length: 30 }, () => "s".repeat(10_000)),
        1,
      ),
    ),
  "/stream-own-length": () => new Response(streamOf(["abcde"]), { headers: { "content-length": "3" } }),
  "/transform": () => new Response(streamOf(["shout"], 5).pipeThrough(upperCase())),
  "/compressed": () => new Response(Bun.gzipSync("zip"), { headers: { "content-encoding": "gzip" } }),
  "/echo": (request) => new Response(request.body),
  "/echo-response": async (request) => new Response(await request.blob()),
  "/static-response": () => shared.clone(),
};

const shared = new Response("shared", { headers: { "x-shared": "1" } });

function upperCase(): TransformStream<string, string> {
  return new TransformStream({ transform: (part, controller) => controller.enqueue(part.toUpperCase()) });
}

function fetch(request: Request): Response {
  const [, name, number] = new URL(request.url).pathname.split("/");
  const answer = answers[`/${name}`] ?? ((): Response => new Response("no such answer"));
  return answer(request, Number(number)) as Response;
}

export const options: Record<string, unknown> = { development: false, reusePort: false, fetch };
