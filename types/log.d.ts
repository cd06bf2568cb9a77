// Made by types/make.ts: npm run declarations.
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
export declare class Log {
    #private;
    /** The thread whose log it is. */
    readonly thread: string;
    /** @param hook gets the records; null: they are printed */
    constructor(thread: string, hook: LogHook | null);
    /** Whether records go to a hook. */
    get hasHook(): boolean;
    /** Something failed. */
    error(event: string, message: string, fields?: LogFields, lines?: PrintedLines | null): void;
    /** Something is not as it should be. */
    warn(event: string, message: string, fields?: LogFields, lines?: PrintedLines | null): void;
    /** Passes on a record of another thread. */
    take(record: LogRecord): void;
}
/** The log of this thread. */
export declare function threadLog(): Log;
/** Sets the log of this thread. */
export declare function setThreadLog(log: Log): void;
