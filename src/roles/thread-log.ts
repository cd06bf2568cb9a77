/**
 * The log of a server's thread that is not the main one: set when the thread starts, by its entry point.
 */
import { parentPort } from "node:worker_threads";
import { Log, setThreadLog } from "../log/log.ts";
import { packRecord } from "../log/posted-record.ts";

/** What `startThread` tells each thread about its log, in `workerData`. */
export interface ThreadLogSettings {
  readonly epolloLog?: {
    readonly thread: string;
    /** Whether records go to the main thread; else this thread prints them. */
    readonly isPosted: boolean;
  };
}

/** Opens the log that `workerData` describes. */
export function openThreadLog({ epolloLog }: ThreadLogSettings): void {
  if (epolloLog === undefined) return;
  const post = epolloLog.isPosted ? parentPort : null;
  setThreadLog(
    new Log(epolloLog.thread, post === null ? null : (record) => post.postMessage(packRecord(record))),
  );
}
