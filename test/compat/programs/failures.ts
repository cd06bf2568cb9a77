/** Handlers that fail in every way (BUN-SERVE.md sections 8.5 and 9); for the programs failing, developing, handled. */

const once = new Response("once");

function streamThatFails(failAt: number, pauseMs: number): ReadableStream {
  let count = 0;
  return new ReadableStream({
    async pull(controller) {
      if (pauseMs > 0) await Bun.sleep(pauseMs);
      if (count++ === failAt) throw new Error("stream failed on purpose");
      controller.enqueue("part\n");
    },
  });
}

const failures: Record<string, () => unknown> = {
  "/throw": () => {
    throw new Error("thrown on purpose");
  },
  "/throw-type": () => {
    throw new TypeError("typed on purpose");
  },
  "/throw-coded": () => {
    throw Object.assign(new Error("coded"), { code: "E_MINE" });
  },
  "/throw-string": () => {
    throw "a thrown string";
  },
  "/throw-undefined": () => {
    throw undefined;
  },
  "/throw-null": () => {
    throw null;
  },
  "/throw-object": () => {
    throw { an: "object" };
  },
  "/throw-response": () => {
    throw new Response("thrown response", { status: 418 });
  },
  "/reject": async () => {
    await Bun.sleep(1);
    throw new Error("rejected on purpose");
  },
  "/reject-at-once": () => Promise.reject(new Error("rejected at once")),
  "/reject-undefined": () => Promise.reject(),
  "/return-undefined": () => undefined,
  "/return-null": () => null,
  "/return-string": () => "a string",
  "/return-number": () => 42,
  "/return-object": () => ({ status: 200 }),
  "/return-file": () => Bun.file("/etc/hostname"),
  "/return-request": (request?: unknown) => request,
  "/return-promise": async () => undefined,
  "/return-error": () => new Error("returned"),
  "/error-response": () => Response.error(),
  "/used": async () => {
    const response = new Response("used");
    await response.text();
    return response;
  },
  "/twice": () => once,
  "/locked": () => {
    const response = new Response(streamThatFails(5, 1));
    response.body!.getReader();
    return response;
  },
  "/missing-file": () => new Response(Bun.file("./nonexistent-file.txt")),
  "/directory": () => new Response(Bun.file("/tmp")),
  "/stream-fails-first-sync": () =>
    new Response(
      new ReadableStream({
        pull() {
          throw new Error("pull failed on purpose");
        },
      }),
    ),
  "/stream-fails-first": () => new Response(streamThatFails(0, 5)),
  "/stream-fails-later": () => new Response(streamThatFails(2, 5)),
  "/stream-errored": () =>
    new Response(new ReadableStream({ start: (controller) => controller.error(new Error("errored")) })),
  "/generator-fails-first": () => new Response(generate(0) as never),
  "/generator-fails-later": () => new Response(generate(2) as never),
  "/error-throws": () => {
    throw new Error("error-throws");
  },
  "/error-rejects": () => {
    throw new Error("error-rejects");
  },
  "/error-undefined": () => {
    throw new Error("error-undefined");
  },
  "/error-async": () => {
    throw new Error("error-async");
  },
  "/error-string": () => {
    throw new Error("error-string");
  },
  "/error-stream": () => {
    throw new Error("error-stream");
  },
};

async function* generate(failAt: number): AsyncGenerator<string> {
  for (let index = 0; index < 5; index++) {
    await Bun.sleep(5);
    if (index === failAt) throw new Error("generator failed on purpose");
    yield "part\n";
  }
}

/** Fails as the path says. */
export function fetch(request: Request): Response {
  const failure = failures[new URL(request.url).pathname] as ((request: Request) => unknown) | undefined;
  return (failure === undefined ? new Response("fine") : failure(request)) as Response;
}

/** Answers with what it was given, or fails in the way that the message says. */
export function error(this: unknown, problem: unknown): unknown {
  const { name, message, code } = (problem ?? {}) as { name?: string; message?: string; code?: string };
  switch (message) {
    case "error-throws":
      throw new Error("the error handler threw on purpose");
    case "error-rejects":
      return Promise.reject(new Error("the error handler rejected on purpose"));
    case "error-undefined":
      return undefined;
    case "error-string":
      return "a string";
    case "error-async":
      return Bun.sleep(2).then(() => new Response("later", { status: 503 }));
    case "error-stream":
      return new Response(streamThatFails(100, 0).pipeThrough(firstOnly()));
  }
  const isServer = typeof (this as { port?: number })?.port;
  const seen = { name, message, code, text: String(problem).slice(0, 160), type: typeof problem, isServer };
  const path = message?.replace(/'.*'/, "'…'");
  return Response.json({ ...seen, message: path, arguments: arguments.length }, { status: 555 });
}

function firstOnly(): TransformStream<string, string> {
  return new TransformStream({
    transform(part, controller) {
      controller.enqueue(part);
      controller.terminate();
    },
  });
}
