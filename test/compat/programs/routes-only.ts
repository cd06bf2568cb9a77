/** Routes without a fetch handler: what they do not match is a 404. */
const fine = (): Response => new Response("fine");

export const options: Record<string, unknown> = {
  development: false,
  reusePort: false,
  routes: {
    "/": fine,
    "/get": { GET: fine },
    "/no": false,
    "/w/*": fine,
    "/w/no": false,
    "/missing": Bun.file("./no"),
  },
};
