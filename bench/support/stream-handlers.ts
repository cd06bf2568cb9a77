/**
 * What bench/stream-memory.ts asks: an upload that is read as a stream, a download from a generator, streams and handlers that never end, and
 * how many of those were cancelled or aborted. A module of handlers, so that it runs on the main thread or on a handler thread.
 */
const PIECE = new Uint8Array(64 * 1024).fill(97);
let cancelled = 0;
let aborted = 0;

/** Answers one request. */
export async function fetch(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/upload") {
    let bytes = 0;
    for await (const piece of request.body as ReadableStream<Uint8Array>) bytes += piece.length;
    return new Response(String(bytes));
  }
  if (pathname === "/download") {
    const pieces = Number(searchParams.get("megabytes")) * 16;
    return new Response(
      (async function* () {
        for (let i = 0; i < pieces; i++) yield PIECE;
      })(),
    );
  }
  if (pathname === "/counts") {
    Bun.gc(true);
    return Response.json({ cancelled, aborted });
  }
  request.signal.addEventListener("abort", () => {
    aborted++;
  });
  if (pathname === "/never") return new Promise<Response>(() => {});
  return new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue("data: hello\n\n"),
      cancel: () => {
        cancelled++;
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  );
}

const handlers: { readonly fetch: typeof fetch } = { fetch };
export default handlers;
