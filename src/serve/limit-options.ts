/**
 * Checks `limits`, the bounds that clients are held to; one of the options that Bun.serve does not have.
 *
 * Runs on the thread that called `serve()`, once per call. The defaults are what Bun.serve does, where it does anything.
 * A value of the wrong type is a TypeError, one out of its range a RangeError; each message names the option, what is
 * accepted and what was given.
 */
import { DEFAULT_LIMITS, type ParserLimits } from "../http/limits.ts";
import { optionOfWrongType, optionOutOfRange, unknownOption } from "./errors.ts";

/** `limits` with every default filled in. Times in ms, rates in bytes a second, Infinity for none. Frozen. */
export interface ResolvedLimits {
  /** What one request may consist of. */
  readonly parser: ParserLimits;
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  /** 0 for none. */
  readonly minBodyRate: number;
  readonly writeTimeoutMs: number;
  /** 0 for none. */
  readonly minWriteRate: number;
  /** Requests of one client in flight at once. */
  readonly pipelined: number;
  readonly requestsPerConnection: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** What happens to connections past `connections`. */
  readonly whenFull: "refuse" | "wait";
  /** Bytes of requests that may wait for a handler, for each dispatcher. */
  readonly backlogBytes: number;
}

/** The longest head that can travel to a handler with its table of fields (`channel/pair-memory.ts`). */
const MAX_HEAD_BYTES = 65_536;
const MAX_HEADERS = 4096;
const MAX_INT32 = 2147483647;

/** What each number accepts: least, most, whether Infinity is "none", the unit for messages, and its default. */
const NUMBERS = {
  headerBytes: [64, MAX_HEAD_BYTES, false, " bytes", DEFAULT_LIMITS.headBytes],
  headerCount: [1, MAX_HEADERS, false, "", DEFAULT_LIMITS.headerCount],
  requestLineBytes: [16, MAX_HEAD_BYTES, false, " bytes", undefined],
  trailerBytes: [2, MAX_INT32, false, " bytes", DEFAULT_LIMITS.trailerBytes],
  chunkExtensionBytes: [0, MAX_INT32, false, " bytes", DEFAULT_LIMITS.chunkExtensionBytes],
  headTimeout: [1, MAX_INT32, true, " ms", 10_000],
  bodyTimeout: [1, MAX_INT32, true, " ms", Infinity],
  minBodyRate: [0, MAX_INT32, false, " bytes a second", 16 * 1024],
  writeTimeout: [1, MAX_INT32, true, " ms", Infinity],
  minWriteRate: [0, MAX_INT32, false, " bytes a second", 0],
  pipelined: [1, 1024, false, "", 64],
  requestsPerConnection: [1, MAX_INT32, true, "", Infinity],
  connections: [1, MAX_INT32, true, "", Infinity],
  connectionsPerAddress: [1, MAX_INT32, true, "", Infinity],
  backlogBytes: [0, Number.MAX_SAFE_INTEGER, true, " bytes", 64 * 1024 * 1024],
} as const;

type NumberName = keyof typeof NUMBERS;
const NAMES: readonly string[] = [...Object.keys(NUMBERS), "whenFull"];

/**
 * Checks `limits` and fills in the defaults.
 *
 * @throws TypeError for a wrong type or a member that does not exist
 * @throws RangeError for a number out of its range, or a request line longer than the head it is part of
 */
export function resolveLimits(limits: unknown): ResolvedLimits {
  const given = readMembers(limits);
  const read = (name: NumberName): number | undefined => number(name, given[name]);
  const headBytes = read("headerBytes") ?? DEFAULT_LIMITS.headBytes;
  const headerCount = read("headerCount") ?? DEFAULT_LIMITS.headerCount;
  const requestLineBytes = read("requestLineBytes") ?? headBytes;
  if (requestLineBytes > headBytes) {
    const accepted = `at most limits.headerBytes, which is ${headBytes}`;
    throw optionOutOfRange("limits.requestLineBytes", accepted, requestLineBytes);
  }
  const or = (name: Exclude<NumberName, "requestLineBytes">): number => read(name) ?? NUMBERS[name][4];
  const trailerBytes = or("trailerBytes");
  const chunkExtensionBytes = or("chunkExtensionBytes");
  return Object.freeze({
    parser: Object.freeze({ headBytes, headerCount, requestLineBytes, trailerBytes, chunkExtensionBytes }),
    headTimeoutMs: or("headTimeout"),
    bodyTimeoutMs: or("bodyTimeout"),
    minBodyRate: or("minBodyRate"),
    writeTimeoutMs: or("writeTimeout"),
    minWriteRate: or("minWriteRate"),
    pipelined: or("pipelined"),
    requestsPerConnection: or("requestsPerConnection"),
    connections: or("connections"),
    connectionsPerAddress: or("connectionsPerAddress"),
    whenFull: oneOfWhenFull(given.whenFull),
    backlogBytes: or("backlogBytes"),
  });
}

type Members = Partial<Record<NumberName | "whenFull", unknown>>;

function readMembers(limits: unknown): Members {
  if (limits === undefined) return {};
  if (typeof limits !== "object" || limits === null || Array.isArray(limits)) {
    throw optionOfWrongType("limits", "an object", limits);
  }
  for (const name of Object.keys(limits)) {
    if (!NAMES.includes(name)) throw unknownOption("limits", name, NAMES);
  }
  return { ...limits };
}

function number(name: NumberName, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const [least, most, canBeInfinite, unit] = NUMBERS[name];
  const accepted = `an integer from ${least} to ${most}${unit}${canBeInfinite ? ", or Infinity" : ""}`;
  if (typeof value !== "number") throw optionOfWrongType(`limits.${name}`, accepted, value);
  if (canBeInfinite && value === Infinity) return value;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw optionOutOfRange(`limits.${name}`, accepted, value);
  }
  // Makes -0 into 0.
  return value + 0;
}

function oneOfWhenFull(value: unknown): "refuse" | "wait" {
  if (value === undefined) return "refuse";
  if (value === "refuse" || value === "wait") return value;
  throw optionOfWrongType("limits.whenFull", '"refuse" or "wait"', value);
}
