/**
 * Lets epollo's Workers start from a bundle (`bun build`, `bun build --compile`), where their entry files are not.
 *
 * Evaluated on every thread that imports epollo; does something on epollo's own threads in a bundle alone. There the
 * Worker's entry is the bundle (roles/thread.ts), so its modules are evaluated in order until epollo's turn comes: here
 * the thread learns what it is. Acceptor and dispatchers never leave this module; a handler thread goes on, and what
 * follows is the program, whose `serve()` call registers its handlers.
 */
import { workerData } from "node:worker_threads";
import { isBundled, type ThreadEntry } from "../roles/thread.ts";

const entry = (workerData as { readonly epolloEntry?: ThreadEntry } | null)?.epolloEntry;

// `require`, since the modules after this one must wait, and it must cost nothing where it is not needed.
if (isBundled) {
  if (entry === "acceptor") require("../roles/entry/acceptor.ts");
  else if (entry === "dispatcher") require("../roles/entry/dispatcher.ts");
  else if (entry === "handler") require("../roles/entry/handler.ts");
}
