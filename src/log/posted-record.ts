/**
 * Log records on their way from a thread to the main thread: as messages that postMessage takes, whatever was thrown.
 *
 * Pure; knows no threads. Of an Error its name, message, stack, code and cause travel; of other values what can be cloned,
 * else their text.
 */
import type { LogRecord } from "./log.ts";

const TYPE = "epollo log record";
/** Causes of causes that are followed. */
const MAX_CAUSES = 8;

interface PackedError {
  readonly isError: true;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: unknown;
  readonly cause: unknown;
}

/** Makes a message of a record. */
export function packRecord(record: LogRecord): object {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record)) fields[name] = pack(value, MAX_CAUSES);
  return { type: TYPE, fields };
}

/** The record that a message holds, or null when it is another message. */
export function unpackRecord(message: unknown): LogRecord | null {
  const { type, fields } = (message ?? {}) as { type?: unknown; fields?: Record<string, unknown> };
  if (type !== TYPE || fields === undefined) return null;
  const record: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) record[name] = unpack(value);
  return record as unknown as LogRecord;
}

function pack(value: unknown, causes: number): unknown {
  if (value instanceof Error) {
    const { name, message, stack, code, cause } = value as Error & { code?: unknown };
    return {
      isError: true,
      name: String(name),
      message: String(message),
      stack: typeof stack === "string" ? stack : undefined,
      code: typeof code === "string" || typeof code === "number" ? code : undefined,
      cause: cause === undefined || causes === 0 ? undefined : pack(cause, causes - 1),
    } satisfies PackedError;
  }
  if (Array.isArray(value)) return value.map((item) => pack(item, causes));
  if (value === null || typeof value !== "object") {
    return typeof value === "function" || typeof value === "symbol" ? Bun.inspect(value) : value;
  }
  try {
    return structuredClone(value);
  } catch {
    return Bun.inspect(value);
  }
}

function unpack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpack);
  if (!isPackedError(value)) return value;
  const { name, message, stack, code, cause } = value;
  const error = new Error(message, cause === undefined ? undefined : { cause: unpack(cause) });
  const hidden = { configurable: true, writable: true, enumerable: false };
  Object.defineProperty(error, "name", { ...hidden, value: name });
  Object.defineProperty(error, "stack", { ...hidden, value: stack });
  if (code !== undefined) (error as { code?: unknown }).code = code;
  return error;
}

function isPackedError(value: unknown): value is PackedError {
  return typeof value === "object" && value !== null && (value as PackedError).isError === true;
}
