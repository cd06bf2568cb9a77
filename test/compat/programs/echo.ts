/** Shows a request as the handler sees it (BUN-SERVE.md sections 6 and 7). */

async function fetch(request: Request): Promise<Response> {
  const path = request.url.replace(/^https?:\/\/[^/]*/, "").replace(/\?.*/, "");
  if (path === "/unread") return new Response("unread");
  if (path === "/slow") await Bun.sleep(60);
  return Response.json({
    method: request.method,
    url: request.url,
    headers: Object.fromEntries(request.headers),
    hasBody: request.body !== null,
    text: await request.text(),
  });
}

export const options: Record<string, unknown> = { development: false, reusePort: false, fetch };
