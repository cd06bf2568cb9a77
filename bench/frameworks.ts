/**
 * A drill: many requests to an app of each framework, on handler threads or in main mode, and every answer is checked.
 *
 *   bun run bench/frameworks.ts [--requests 100000] [--framework hono,elysia,h3] [--clients 64] [--mode pool]
 *
 * Theory of operation: the apps are those of test/frameworks/apps, unchanged, each in a process of its own. So many
 * clients ask one request after the other, no two alike: parameters, JSON bodies of different lengths, paths without a
 * route, event streams. What comes back must hold what was asked. An answer counts as wrong if its status or body is
 * another one, as failed if there was none. Loader and server share the cores: requests/s are no benchmark.
 */
import { FRAMEWORKS, startFramework } from "../test/frameworks/started.ts";
import { argument, digits, printTable } from "./support/report.ts";

interface Tally {
  readonly framework: string;
  seconds: number;
  answered: number;
  wrong: number;
  failed: number;
  firstMistake: string;
}

interface Question {
  readonly path: string;
  readonly init: RequestInit;
  readonly status: number;
  /** The body, or what it must contain. */
  readonly isRight: (body: string) => boolean;
}

const EVENTS = "data: event 0\n\ndata: event 1\n\ndata: event 2\n\n";

function makeQuestion(number: number): Question {
  switch (number % 8) {
    case 0:
      return { path: "", init: {}, status: 200, isRight: (body) => body === "hello" };
    case 1: {
      const init = {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ text: `${number} `.repeat(1 + (number % 400)) }),
      };
      return { path: "echo", init, status: 201, isRight: (body) => body === init.body };
    }
    case 2:
      return {
        path: `nothing/${number}`,
        init: {},
        status: 404,
        isRight: (body) => (JSON.parse(body) as { error?: unknown }).error === "not here",
      };
    case 3:
      // A stream is much more work than the others.
      if (number % 80 === 3)
        return { path: "events", init: {}, status: 200, isRight: (body) => body === EVENTS };
  }
  const expected = JSON.stringify({ id: `${number}`, query: { of: `n${number}` } });
  return {
    path: `users/${number}?of=n${number}`,
    init: {},
    status: 200,
    isRight: (body) => body === expected,
  };
}

async function ask(url: string, question: Question, tally: Tally): Promise<void> {
  try {
    const response = await fetch(url + question.path, question.init);
    const body = await response.text();
    tally.answered++;
    if (response.status === question.status && question.isRight(body)) return;
    tally.wrong++;
    tally.firstMistake ||= `${question.path}: ${response.status} ${body.slice(0, 200)}`;
  } catch (error) {
    tally.failed++;
    tally.firstMistake ||= `${question.path}: ${error}`;
  }
}

async function drill(framework: string): Promise<Tally> {
  const tally: Tally = { framework, seconds: 0, answered: 0, wrong: 0, failed: 0, firstMistake: "" };
  await using server = await startFramework(framework, mode);
  const start = performance.now();
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < requestCount) await ask(server.url, makeQuestion(next++), tally);
  };
  await Promise.all(Array.from({ length: clientCount }, client));
  tally.seconds = (performance.now() - start) / 1000;
  if (server.errors() !== "") console.error(`${framework} has printed: ${server.errors()}`);
  return tally;
}

const requestCount = Number(argument("requests") ?? 100_000);
const clientCount = Number(argument("clients") ?? 64);
const mode = argument("mode") === "main" ? "main" : "pool";
const tallies: Tally[] = [];
for (const framework of argument("framework")?.split(",") ?? FRAMEWORKS) {
  tallies.push(await drill(framework));
}
printTable(
  ["framework", "requests", "answered", "wrong", "failed", "seconds", "requests/s"],
  tallies.map(({ framework, answered, wrong, failed, seconds }) => [
    framework,
    String(requestCount),
    String(answered),
    String(wrong),
    String(failed),
    digits(seconds, 1),
    digits(answered / seconds),
  ]),
);
for (const { framework, firstMistake } of tallies) {
  if (firstMistake !== "") console.error(`${framework}: ${firstMistake}`);
}
process.exit(tallies.every(({ answered, wrong }) => answered === requestCount && wrong === 0) ? 0 : 1);
