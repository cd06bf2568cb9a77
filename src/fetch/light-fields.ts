/**
 * The fields of a Response that is given its headers as a plain object of strings, without the native Headers in between.
 *
 * Lives on the thread that runs the handler. What is given is read once and turned into lines of the head, in the order in which
 * `Headers` would have them: those that Bun knows by name, then others, each as they were given. Whatever the native class
 * treats in a way of its own (repeated names, cookies, framing, values that are no strings or need trimming) is left to it.
 *
 * Names come from the program's text, as a rule: what is known of one is kept, and the line it had last with it.
 */

/** What is kept of a name. */
interface KnownName {
  /** In lower case. */
  readonly name: string;
  /** Whether it comes before names that Bun does not know. */
  readonly isCommon: boolean;
  /** Its number, to see whether it was given twice. */
  readonly bit: number;
  value: string;
  /** `name: value` and CRLF, of that value. */
  line: string;
}

/** Names kept: as many as have a bit each. */
const MAX_NAMES = 30;
/** Longer values are not kept. */
const MAX_KEPT_CHARACTERS = 256;
const names = new Map<string, KnownName>();
/** The bits of names in lower case. */
const bits = new Map<string, number>();

/** What means something else than a line in the head. */
const SPECIAL: ReadonlySet<string> = new Set([
  ...["connection", "content-length", "date", "set-cookie", "set-cookie2", "transfer-encoding"],
]);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Nothing to trim, and latin-1 without controls (RFC 9110 section 5.5). */
const VALUE = /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/;
const BEFORE_ALL = "x-a-name-that-bun-does-not-know";

/** Whether Headers put a name before one that they do not know. */
function isCommonName(name: string): boolean {
  const both = new Headers([
    [BEFORE_ALL, "1"],
    [name, "1"],
  ]);
  return Object.keys(both.toJSON())[0] === name;
}

/** What is kept of a name, or null where the native class is to see it. */
function know(given: string): KnownName | null {
  const name = given.toLowerCase();
  if (!TOKEN.test(given) || SPECIAL.has(name) || name === BEFORE_ALL || names.size >= MAX_NAMES * 2)
    return null;
  let bit = bits.get(name);
  if (bit === undefined) {
    if (bits.size >= MAX_NAMES) return null;
    bit = 1 << bits.size;
    bits.set(name, bit);
  }
  const known = { name, isCommon: isCommonName(name), bit, value: "", line: "" };
  names.set(given, known);
  return known;
}

function lineOf(known: KnownName, value: unknown): string | null {
  if (typeof value !== "string") return null;
  if (value === known.value && value !== "") return known.line;
  if (!VALUE.test(value)) return null;
  const line = `${known.name}: ${value}\r\n`;
  if (value.length <= MAX_KEPT_CHARACTERS) {
    known.value = value;
    known.line = line;
  }
  return line;
}

/** Fields as lines of a head. */
export interface FieldLines {
  /** Each with its CRLF. */
  readonly lines: string;
  /** Whether a Content-Type is among them. */
  readonly hasType: boolean;
}

/**
 * The lines of `headers` as they go into a head, each with its CRLF; null where the native class is to read them.
 * @param type Content-Type to add if there is none; "" for none
 */
export function readLines(headers: object, type: string = ""): FieldLines | null {
  const prototype = Object.getPrototypeOf(headers);
  if ((prototype !== Object.prototype && prototype !== null) || Symbol.iterator in headers) return null;
  let common = "";
  let others = "";
  let seen = 0;
  let hasType = false;
  for (const given in headers) {
    const known = Object.hasOwn(headers, given) ? (names.get(given) ?? know(given)) : null;
    if (known === null || (seen & known.bit) !== 0) return null;
    seen |= known.bit;
    const line = lineOf(known, (headers as Record<string, unknown>)[given]);
    if (line === null) return null;
    if (known.name === "content-type") hasType = true;
    if (known.isCommon) common += line;
    else others += line;
  }
  if (!hasType && type !== "") {
    hasType = true;
    common += `content-type: ${type}\r\n`;
  }
  return { lines: common + others, hasType };
}

/** The fields that `readLines` has made lines of. */
export function fieldsOfLines(lines: string): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (const line of lines.split("\r\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields.push([line.slice(0, colon), line.slice(colon + 2)]);
  }
  return fields;
}
