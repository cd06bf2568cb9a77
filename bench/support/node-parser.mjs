/**
 * Measures the parser of node:http (llhttp, native) on the same bytes as bench/parser.ts. Run there, under Node:
 * `node --no-deprecation node-parser.mjs '<json: {"name": "request text"}>'`. Prints {"name": nanoseconds per request} of the best of five rounds.
 *
 * The binding is an internal of Node: where it is not to be had this program fails, and bench/parser.ts says so. Fields reach
 * JS as strings, which epollo makes on demand only.
 */
const requests = JSON.parse(process.argv[2]);
const { HTTPParser } = process.binding("http_parser");
const ROUNDS = 5;
const CALLS = 100_000;

const parser = new HTTPParser();
let completed = 0;

function prepare() {
  parser.initialize(HTTPParser.REQUEST, {});
  parser[HTTPParser.kOnHeadersComplete | 0] = () => 0;
  parser[HTTPParser.kOnBody | 0] = () => {};
  parser[HTTPParser.kOnMessageComplete | 0] = () => {
    completed++;
  };
}

const result = {};
for (const [name, text] of Object.entries(requests)) {
  const bytes = Buffer.from(text, "latin1");
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    prepare();
    completed = 0;
    const began = process.hrtime.bigint();
    for (let call = 0; call < CALLS; call++) parser.execute(bytes);
    best = Math.min(best, Number(process.hrtime.bigint() - began) / CALLS);
    if (completed !== CALLS) throw new Error(`${name}: ${completed} of ${CALLS} requests were complete`);
  }
  result[name] = best;
}
console.log(JSON.stringify(result));
