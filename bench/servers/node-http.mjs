/** Benchmark peer: node:http under Node; the same answers as ./app.ts, in Node's own terms. */
import { createServer } from "node:http";

const defaultRounds = Number(process.env.BENCH_CPU_ROUNDS ?? 1_000_000);

function compute(rounds) {
  let state = 0x9e3779b9 | 0;
  for (let round = 0; round < rounds; round++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  return state;
}

const server = createServer((request, response) => {
  if (request.url === "/") {
    response.setHeader("content-type", "text/plain;charset=utf-8");
    response.end("Hello, World!");
  } else if (request.url === "/json") {
    response.setHeader("content-type", "application/json;charset=utf-8");
    response.end(JSON.stringify({ message: "Hello, World!", id: 42, tags: ["a", "b"] }));
  } else if (request.url === "/echo") {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => response.end(Buffer.concat(chunks)));
  } else if (request.url === "/cpu") {
    response.end(String(compute(defaultRounds)));
  } else {
    response.statusCode = 404;
    response.end("not found");
  }
});
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
