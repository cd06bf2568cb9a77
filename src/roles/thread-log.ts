/**
 * The log of a server's thread that is not the main one: set when the thread starts, by its entry point.
 */
import { Log, setThreadLog } from "../log/log.ts";
import { packRecord } from "../log/posted-record.ts";
import { tellMain } from "./thread-settings.ts";

/** What `startThread` tells each thread about its log. */
export interface ThreadLogSettings {
  readonly epolloLog?: {
    readonly thread: string;
    /** Whether records go to the main thread; else this thread prints them. */
    readonly isPosted: boolean;
  };
}

/** Opens the log that the settings of this thread describe. */
export function openThreadLog(settings: object): void {
  const { epolloLog } = settings as ThreadLogSettings;
  if (epolloLog === undefined) return;
  setThreadLog(
    new Log(epolloLog.thread, epolloLog.isPosted ? (record) => tellMain(packRecord(record)) : null),
  );
}
