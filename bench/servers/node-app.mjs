/** The app of ./app.ts for node:http, in Node's own terms, and how its servers end. Used by ./node-http.mjs and ./node-cluster.mjs. */

const roundsPerMs = Number(process.env.BENCH_CPU_ROUNDS_PER_MS ?? 1_000_000);
const sizes = { "1k": 1024, "100k": 102_400, "10m": 10_485_760 };
const bodies = {};

function compute(rounds) {
  let state = 0x9e3779b9 | 0;
  for (let round = 0; round < rounds; round++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}

function sendText(response, text) {
  response.setHeader("content-type", "text/plain;charset=utf-8");
  response.end(text);
}

/** Answers a request as ./app.ts does. */
export function handle(request, response) {
  const target = request.url;
  if (target === "/" || target === "/static" || target === "/mixed") {
    sendText(response, "Hello, World!");
    return;
  }
  if (target === "/json") {
    response.setHeader("content-type", "application/json;charset=utf-8");
    response.end(JSON.stringify({ message: "Hello, World!", id: 42, tags: ["a", "b"] }));
    return;
  }
  if (target === "/echo") {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => response.end(Buffer.concat(chunks)));
    return;
  }
  if (target === "/mixed?slow") {
    sendText(response, String(compute(Math.round(roundsPerMs * 20))));
    return;
  }
  const [, first, last] = target.split("/");
  if (first === "users") sendText(response, last);
  else if (first === "cpu") sendText(response, String(compute(Math.round(roundsPerMs * Number(last)))));
  else if (first === "wait") setTimeout(() => sendText(response, "Hello, World!"), Number(last));
  else if (first === "bytes" && last in sizes) {
    bodies[last] ??= Buffer.alloc(sizes[last], 98);
    response.end(bodies[last]);
  } else {
    response.statusCode = 404;
    response.end("not found");
  }
}

/** Prints the port, and ends the process at the end of standard input. */
export function announce(port) {
  console.log(JSON.stringify({ port }));
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
}
