/**
 * Measures the router: nanoseconds for each `match` in a table of 50 routes, and for making `params`.
 *
 * The path is decoded from bytes each time, as it comes from a client: a string that was looked up before would have
 * its hash at hand. The first line says what the decoding alone costs; subtract it. Run: `bun run bench/router.ts`.
 * Void if another process uses the same core.
 */
import { bench, run } from "mitata";
import { paramsOf } from "../src/fetch/bun-request.ts";
import { ANY_METHOD, type RouteEntry, RouteTable } from "../src/fetch/router.ts";
import { decodeLatin1 } from "../src/http/latin1.ts";
import { METHOD_GET } from "../src/http/method.ts";

const patterns = [
  "/",
  "/users",
  "/users/:id",
  "/users/:id/posts",
  "/users/:id/posts/:post/comments/:comment",
];
patterns.push("/static/*", "/health", "/metrics");
for (let index = 0; patterns.length < 50; index++) {
  patterns.push(`/api/v1/resource${index}`, `/api/v1/resource${index}/:id`);
}
const table = new RouteTable<number>(
  patterns
    .slice(0, 50)
    .map((pattern, value): RouteEntry<number> => ({ pattern, methods: [ANY_METHOD], value })),
);
let checksum = 0;

function measure(name: string, path: string, isFound: boolean): void {
  if ((table.match(path, METHOD_GET) !== null) !== isFound) throw new Error(`${path}: wrong`);
  const bytes = Buffer.from(path, "latin1");
  bench(`${name}: ${path}`, () => {
    checksum += table.match(decodeLatin1(bytes, 0, bytes.length), METHOD_GET)?.value ?? 0;
  });
}

const alone = Buffer.from("/users/12345/posts/678", "latin1");
bench("decoding alone", () => {
  checksum += decodeLatin1(alone, 0, alone.length).length;
});
measure("literal", "/users", true);
measure("literal, longer", "/api/v1/resource17", true);
measure("1 parameter", "/users/12345", true);
measure("1 parameter, deeper", "/api/v1/resource17/12345", true);
measure("3 parameters", "/users/12345/posts/678/comments/90", true);
measure("wildcard", "/static/js/app.min.js", true);
measure("miss", "/nowhere/at/all", false);
measure("miss behind a parameter", "/users/12345/nothing", false);

const path = "/users/12345/posts/678/comments/90";
const match = table.match(path, METHOD_GET)!;
bench("params, 3", () => paramsOf(match, path));
const encoded = "/users/a%20b/posts/%C3%A9/comments/90";
bench("params, 3, encoded", () => paramsOf(match, encoded));

await run();
if (checksum < 0) throw new Error("unreachable; keeps the results in use");
