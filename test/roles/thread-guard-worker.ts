/**
 * A guarded thread that does what it is told to and reports; run as a program, it starts itself as a Worker, sends it the
 * commands of its command line and prints what it reports, a line each. A program, because `bun test` has handlers of its own for
 * errors in Workers. Time passes a hundred times as fast for the guard.
 */
import { isMainThread, parentPort } from "node:worker_threads";
import { guardThread, ThreadExit } from "../../src/roles/thread-guard.ts";

if (isMainThread) runProgram();
else runGuarded();

function runProgram(): void {
  const commands = process.argv.slice(2);
  const worker = new Worker(import.meta.url);
  worker.addEventListener("message", (event) => {
    const { data } = event as MessageEvent<string>;
    console.log(data);
    if (data === "ready") for (const command of commands) worker.postMessage(command);
  });
  worker.addEventListener("error", (event) => console.log(`error ${(event as ErrorEvent).message}`));
  worker.addEventListener("close", (event) =>
    console.log(`end ${(event as unknown as { code: number }).code}`),
  );
}

function runGuarded(): void {
  const port = parentPort!;
  const say = (event: string): void => port.postMessage(event);
  const later = globalThis.setTimeout;
  globalThis.setTimeout = ((run: () => void, ms: number) => later(run, ms / 100)) as typeof setTimeout;
  guardThread({ retire: () => say("retired") });
  port.on("message", (command: string) => {
    if (command === "throw") {
      later(() => {
        throw new Error("outside of a request");
      }, 0);
    } else if (command === "reject") {
      void Promise.reject(new Error("outside of a request"));
    } else if (command === "ping") {
      later(() => say("pong"), 10);
    } else {
      try {
        process.exit(Number(command));
      } catch (error) {
        say(`${error instanceof ThreadExit} ${(error as Error).message}`);
        throw error;
      }
    }
  });
  say("ready");
}
