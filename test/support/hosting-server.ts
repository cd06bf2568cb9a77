/** A server in this process whose dispatchers come to run the handlers of test/fixtures/dispatcher-module.ts. */
import { type Server, serve } from "../../src/index.ts";
import type { LogRecord } from "../../src/log/log.ts";

/** The module of the handlers (test/fixtures). */
export const MODULE: URL = new URL("../fixtures/dispatcher-module.ts", import.meta.url);

/** Starts it; what it has to say goes to `log`. */
export function serveHosting(threads: object, log: LogRecord[], options: object = {}): Server {
  return serve({
    port: 0,
    hostname: "127.0.0.1",
    handlers: MODULE,
    idleTimeout: 60,
    threads,
    observe: { log: (record: LogRecord) => void log.push(record) },
    ...options,
  } as never) as unknown as Server;
}
