/**
 * Lets epollo's Workers start from a bundle (`bun build`, `bun build --compile`), where their entry files are not.
 *
 * Evaluated on every thread that imports epollo; does something in a bundle alone. There a Worker's entry is the file
 * that this module has become a part of, so its modules are evaluated in order until the turn comes to this one, and the
 * thread learns what it is. Acceptor and dispatchers never leave this module; a handler thread goes on, and what follows
 * is the program, whose `serve()` call registers its handlers.
 */
import { startThreadsFrom, type ThreadEntry } from "../roles/thread.ts";

const readUrl = (): string => import.meta.url;
// In a bundle of format cjs (`--bytecode` makes such) the url is a text from the time of the build, and wrong.
const isUrlFixed = !readUrl.toString().includes("import.meta");

if (isUrlFixed || !readUrl().endsWith("/src/serve/bundled-thread.ts")) {
  startThreadsFrom(isUrlFixed ? Bun.main : readUrl());
  const { workerData } = require("node:worker_threads") as typeof import("node:worker_threads");
  runEntry((workerData as { readonly epolloEntry?: ThreadEntry } | null)?.epolloEntry);
}

/** With `require`, since the modules after this one must wait, and it must cost nothing where it is not needed. */
function runEntry(entry: ThreadEntry | undefined): void {
  if (entry === "acceptor") require("../roles/entry/acceptor.ts");
  else if (entry === "dispatcher") require("../roles/entry/dispatcher.ts");
  else if (entry === "handler") require("../roles/entry/handler.ts");
}
