/**
 * What epollo has to say to whoever runs it: records, which go to the server's log hook, or as text to standard error.
 *
 * Each thread has one log (`threadLog`). On the threads of a server it posts records to the main thread when the server has
 * a hook (`posted-record.ts`). On the main thread there may be several servers, so what belongs to one of them uses that
 * server's log. Without a hook a thread prints for itself, as Bun.serve would.
 */

/** How bad it is: something failed, or something is not as it should be. */
export type LogLevel = "error" | "warn";

/** One thing that epollo has to say. */
export interface LogRecord {
  readonly level: LogLevel;
  /** What has happened, as a word that stays the same: `"handler-error"`. */
  readonly event: string;
  /** The same as a sentence. */
  readonly message: string;
  /** When, in Unix ms. */
  readonly time: number;
  /** Where: `"main"`, `"acceptor"`, `"dispatcher 0"`, `"handler 3"`. */
  readonly thread: string;
  /** What was thrown, where that is what happened. */
  readonly error?: unknown;
  /** What else is known of it, such as `method` and `path` of the request. */
  readonly [field: string]: unknown;
}

/** A user's log hook, called on the main thread. */
export type LogHook = (record: LogRecord) => void;

/** What a record may have besides level, event, message, time and thread. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What is printed of a record where the usual line is not what is to be seen: each line as console.error takes it. */
export type PrintedLines = readonly (readonly unknown[])[];

/** Takes what one thread, or one server on the main thread, has to say. */
export class Log {
  /** The thread whose log it is. */
  readonly thread: string;
  readonly #hook: LogHook | null;

  /** @param hook gets the records; null: they are printed */
  constructor(thread: string, hook: LogHook | null) {
    this.thread = thread;
    this.#hook = hook;
  }

  /** Whether records go to a hook. */
  get hasHook(): boolean {
    return this.#hook !== null;
  }

  /** Something failed. */
  error(event: string, message: string, fields: LogFields = {}, lines: PrintedLines | null = null): void {
    this.#report("error", event, message, fields, lines);
  }

  /** Something is not as it should be. */
  warn(event: string, message: string, fields: LogFields = {}, lines: PrintedLines | null = null): void {
    this.#report("warn", event, message, fields, lines);
  }

  /** Passes on a record of another thread. */
  take(record: LogRecord): void {
    this.#give(record, null);
  }

  #report(
    level: LogLevel,
    event: string,
    message: string,
    fields: LogFields,
    lines: PrintedLines | null,
  ): void {
    this.#give({ ...fields, level, event, message, time: Date.now(), thread: this.thread }, lines);
  }

  #give(record: LogRecord, lines: PrintedLines | null): void {
    if (this.#hook === null) {
      printRecord(record, lines);
      return;
    }
    try {
      const result: unknown = this.#hook(record);
      // An async hook's mistake must not end the process either.
      if (result instanceof Promise) result.catch((error) => printFailed(record, error));
    } catch (error) {
      printFailed(record, error);
    }
  }
}

function printRecord({ level, message, error }: LogRecord, lines: PrintedLines | null = null): void {
  const line = `epollo: ${message}`;
  const usual = error === undefined || error === null ? [line] : [line, error];
  for (const values of lines ?? [usual]) {
    if (level === "error") console.error(...values);
    else console.warn(...values);
  }
}

function printFailed(record: LogRecord, error: unknown): void {
  printRecord(record);
  console.error("epollo: observe.log threw:", error);
}

let current = new Log("main", null);

/** The log of this thread. */
export function threadLog(): Log {
  return current;
}

/** Sets the log of this thread. */
export function setThreadLog(log: Log): void {
  current = log;
}
