/** A server that takes bodies of up to 10 bytes (BUN-SERVE.md section 6.5). */
export const options: Record<string, unknown> = {
  development: false,
  reusePort: false,
  maxRequestBodySize: 10,
  fetch: async (request: Request): Promise<Response> => {
    if (request.url.endsWith("/unread")) return new Response("unread");
    return new Response(await request.text().catch((error) => `refused: ${error.message}`));
  },
};
