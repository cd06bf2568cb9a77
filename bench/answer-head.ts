/**
 * Measures the encoding of the head of an answer (src/fetch/answer-head.ts): the commonest one, which is kept for a second, and those that
 * are made each time. "to bytes" adds writing it as latin-1, as it goes into a ring.
 *
 * Run: `bun run bench/answer-head.ts`. Void if another process uses the same core.
 */
import { bench, do_not_optimize, run } from "mitata";
import { answerHead, FRAMING_CHUNKED, TEXT_TYPE } from "../src/fetch/answer-head.ts";

const NOW_MS = Date.now();
const JSON_TYPE = "application/json;charset=utf-8";
const one = new Headers({ "content-type": JSON_TYPE });
const several = new Headers({
  "content-type": "text/html;charset=utf-8",
  "cache-control": "public, max-age=600",
  etag: '"0123456789abcdef"',
  vary: "Accept-Encoding",
  "x-request-id": "d9428888-122b-11e1-b85c-61cd3cbb3210",
});
several.append("set-cookie", "session=0123456789abcdef; Path=/; HttpOnly");
several.append("set-cookie", "theme=dark; Path=/");
let tick = NOW_MS;
const target = Buffer.from(new SharedArrayBuffer(4096), 0, 4096);

bench("200, text, kept", () => do_not_optimize(answerHead(200, null, TEXT_TYPE, 13, NOW_MS).text));
bench("200, text, kept, to bytes", () =>
  do_not_optimize(target.write(answerHead(200, null, TEXT_TYPE, 13, NOW_MS).text, 0, "latin1")),
);
bench("200, implied JSON", () => do_not_optimize(answerHead(200, null, JSON_TYPE, 52, NOW_MS).text));
bench("404, text", () => do_not_optimize(answerHead(404, null, TEXT_TYPE, 9, NOW_MS).text));
bench("200, one field", () => do_not_optimize(answerHead(200, one, "", 52, NOW_MS).text));
bench("200, seven fields, chunked", () =>
  do_not_optimize(answerHead(200, several, "", FRAMING_CHUNKED, NOW_MS).text),
);
bench("200, seven fields, to bytes", () =>
  do_not_optimize(target.write(answerHead(200, several, "", 4096, NOW_MS).text, 0, "latin1")),
);
bench("the date changes each time", () => {
  tick += 1000;
  do_not_optimize(answerHead(200, null, TEXT_TYPE, 13, tick).text);
});
await run();
