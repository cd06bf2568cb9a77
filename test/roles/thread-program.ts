/**
 * Starts the thread of the role on its command line, with settings that are of use or not, and prints how it ends. A program, because
 * `bun test` has handlers of its own for errors in Workers.
 */
import { threadLog } from "../../src/log/log.ts";
import { allocateServerMemory, controlOf } from "../../src/roles/server-memory.ts";
import { dropPrepared, prepareThreads, startThread, type ThreadEntry } from "../../src/roles/thread.ts";
import { HANDLER_EMPTY, HANDLER_STARTING } from "../../src/shm/control-block.ts";

const [entry, what] = process.argv.slice(2) as [ThreadEntry, string];
const NativeWorker = globalThis.Worker;
let workers = 0;
let closed = 0;
globalThis.Worker = class extends NativeWorker {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, options);
    workers++;
    this.addEventListener("close", () => closed++);
  }
};
if (what === "prepared") {
  prepareThreads([
    [entry, `the ${entry}`],
    ["acceptor", "another"],
  ]);
}
const memory = allocateServerMemory(1, 1);
controlOf(memory).moveHandler(0, HANDLER_EMPTY, HANDLER_STARTING);
const settings = {
  memory,
  slot: 0,
  dispatcherWakerFds: [],
  module: "data:text/javascript,export default { fetch: () => new Response() }",
  isOptionsModule: true,
  registrar: new URL("../../src/serve/serve.ts", import.meta.url).href,
  serverIndex: 0,
  facts: { url: "http://localhost:1/" },
};
const thread = startThread(
  entry,
  `the ${entry}`,
  threadLog(),
  what === "useless" ? {} : settings,
  (code, error) => {
    console.log(`end ${code} ${error === null ? null : String((error as Error).message ?? error)}`);
  },
);
if (what === "prepared") {
  dropPrepared();
  await Bun.sleep(200);
  console.log(`workers: ${workers}, ended: ${closed}`);
}
/** A loaded machine takes its time to start a thread, and to end one. */
async function ended(): Promise<void> {
  for (let turn = 0; turn < 1500 && !thread.isEnded; turn++) await Bun.sleep(10);
}

if (what === "useless") await ended();
else await Bun.sleep(200);
console.log(`ended: ${thread.isEnded}`);
if (what === "terminate") {
  thread.worker?.terminate();
  await ended();
  console.log(`ended: ${thread.isEnded}`);
}
