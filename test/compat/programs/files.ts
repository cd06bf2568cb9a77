/** Files as routes and in answers of handlers (BUN-SERVE.md section 12), from ./files-folder.ts. */
import { FILES } from "../files-folder.ts";

const file = (name: string, options?: BlobPropertyBag): Bun.BunFile => Bun.file(`${FILES}/${name}`, options);

const answers: Record<string, () => Response> = {
  "/text": () => new Response(file("text.txt")),
  "/empty": () => new Response(file("empty.txt")),
  "/large": () => new Response(file("large.bin")),
  "/image": () => new Response(file("image.png")),
  "/archive": () => new Response(file("archive.zip")),
  "/json": () => new Response(file("data.json")),
  "/plain": () => new Response(file("noextension")),
  "/slice": () => new Response(file("text.txt").slice(2, 5)),
  "/slice-end": () => new Response(file("text.txt").slice(15)),
  "/slice-whole": () => new Response(file("text.txt").slice(0, 18)),
  "/slice-past": () => new Response(file("text.txt").slice(100, 200)),
  "/slice-negative": () => new Response(file("text.txt").slice(-3)),
  "/slice-typed": () => new Response(file("text.txt").slice(2, 5, "text/x")),
  "/stream": () => new Response(file("text.txt").stream()),
  "/own-type": () => new Response(file("text.txt"), { headers: { "content-type": "x/y" } }),
  "/file-type": () => new Response(file("text.txt", { type: "text/x-own" })),
  "/own-range": () => new Response(file("text.txt"), { headers: { "content-range": "bytes 0-1/2" } }),
  "/own-disposition": () =>
    new Response(file("archive.zip"), { headers: { "content-disposition": "inline" } }),
  "/own-length": () => new Response(file("text.txt"), { headers: { "content-length": "3" } }),
  "/own-modified": () =>
    new Response(file("text.txt"), { headers: { "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT" } }),
  "/status": () => new Response(file("text.txt"), { status: 404 }),
  "/status-206": () => new Response(file("text.txt"), { status: 206 }),
  "/status-204": () => new Response(file("text.txt"), { status: 204 }),
  "/fields": () => new Response(file("text.txt"), { headers: { "x-a": "b", "cache-control": "no-store" } }),
  "/missing": () => new Response(file("missing.txt")),
  "/directory": () => new Response(Bun.file(FILES)),
  "/proc": () => new Response(Bun.file("/proc/sys/kernel/ostype")),
  "/link": () => new Response(file("link.txt")),
};

function fetch(request: Request): Response {
  const answer = answers[new URL(request.url).pathname.replace(/^\/handler/, "")];
  return answer === undefined ? new Response("fetch") : answer();
}

export const options: Record<string, unknown> = {
  development: false,
  reusePort: false,
  fetch,
  routes: {
    "/route/text": file("text.txt"),
    "/route/response": new Response(file("text.txt"), { headers: { "x-a": "b" } }),
    "/route/status": new Response(file("text.txt"), { status: 404 }),
    "/route/own-type": new Response(file("text.txt"), { headers: { "content-type": "x/y" } }),
    "/route/empty": file("empty.txt"),
    "/route/large": file("large.bin"),
    "/route/image": file("image.png"),
    "/route/archive": file("archive.zip"),
    "/route/plain": file("noextension"),
    "/route/slice": file("text.txt").slice(2, 5),
    "/route/missing": file("missing.txt"),
    "/route/directory": Bun.file(FILES),
    "/route/get": { GET: file("text.txt") },
    "/route/link": file("link.txt"),
    "/route/:id/x": file("text.txt"),
  },
};
