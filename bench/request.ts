/**
 * Measures what the Request of a handler costs: `makeRequest` (src/fetch/make-request.ts), which makes what is asked for, beside the
 * native constructor with everything at once; and what touching `url`, `headers` and one header adds.
 *
 * Run: `bun run bench/request.ts`. Void if another process uses the same core.
 */
import { bench, do_not_optimize, group, run } from "mitata";
import { makeRequest } from "../src/fetch/make-request.ts";
import { makeExchange } from "../test/fetch/recorder.ts";

const REQUESTS: Readonly<Record<string, string>> = {
  wrk: "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n",
  browser:
    "GET /articles/2024/how-to-listen?page=2 HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\n" +
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\n" +
    "Accept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef\r\n\r\n",
};

/** The request line's target, and the fields as pairs. */
function partsOf(text: string): { url: string; fields: [string, string][] } {
  const [first, ...lines] = text.split("\r\n").filter((line) => line !== "");
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 2)];
  });
  return { url: `http://${fields[0]![1]}${first!.split(" ")[1]}`, fields };
}

for (const [name, text] of Object.entries(REQUESTS)) {
  const { exchange, view } = makeExchange(text);
  const { url, fields } = partsOf(text);
  group(`${name}, ${fields.length} fields`, () => {
    bench(`new Request(url): ${name}`, () => do_not_optimize(new Request(url)));
    bench(`new Request(url, { method, headers }): ${name}`, () =>
      do_not_optimize(new Request(url, { method: "GET", headers: fields })),
    );
    bench(`makeRequest: ${name}`, () => do_not_optimize(makeRequest(exchange, view)));
    bench(`makeRequest, .method and .url: ${name}`, () => {
      const request = makeRequest(exchange, view);
      do_not_optimize(request.method.length + request.url.length);
    });
    bench(`makeRequest, .headers.get("host"): ${name}`, () => {
      // As in an exchange of its own.
      exchange.native = null;
      exchange.areHeadersMade = false;
      do_not_optimize(makeRequest(exchange, view).headers.get("host"));
    });
  });
}

await run();
