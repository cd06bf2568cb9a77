/**
 * What a case saw of a server, made comparable: parts that may change from run to run are masked, and two observations
 * are compared leaf by leaf.
 *
 * Pure. Knows neither servers nor cases.
 */

/** A value as it came from a server: JSON, nothing else. */
export type Observation = string | number | boolean | null | Observation[] | { [name: string]: Observation };

/** The leaves at which epollo's observation differs, by path ("answers.0.headers.date"), with epollo's value. */
export type Differences = Readonly<Record<string, Observation>>;

/** Stands for a leaf that is not there. */
export const ABSENT = "(absent)";

/** In a table of differences: differs, with whatever value. */
export const ANY = "(any)";

const MASKS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d GMT/g, "<date>"],
  [/----WebKitFormBoundary[0-9a-fA-F]{32}/gi, "<boundary>"],
  [/\b(localhost|127\.0\.0\.1|\[::1\]|::|port"?[=:] ?)(:?)\d{4,5}\b/g, "$1$2<port>"],
  [/\bIs port \d+ in use/g, "Is port <port> in use"],
];

/** Masks dates of this century, boundaries of forms, and port numbers, in every string of a value. */
export function mask(value: Observation): Observation {
  if (typeof value === "string") {
    return MASKS.reduce((text, [pattern, stand]) => text.replace(pattern, stand), value);
  }
  if (Array.isArray(value)) return value.map(mask);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, isPort(name, member) ? "<port>" : mask(member)]),
  );
}

function isPort(name: string, value: Observation): boolean {
  return name === "port" && typeof value === "number" && value > 1023;
}

/** Shortens a body: text as it is up to 400 bytes, else its length and hash. */
export function showBody(body: Uint8Array): string {
  if (body.length > 400) return `${body.length} bytes, hash ${Bun.hash(body).toString(16)}`;
  return Buffer.from(body).toString("latin1");
}

function flatten(value: Observation, path: string, leaves: Map<string, Observation>): void {
  if (typeof value !== "object" || value === null) {
    leaves.set(path, value);
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) leaves.set(path, Array.isArray(value) ? "(empty list)" : "(empty)");
  for (const [name, member] of entries) flatten(member, path === "" ? name : `${path}.${name}`, leaves);
}

/** Tells where `ours` is not `theirs`: the differing leaves, with ours' value or ABSENT. */
export function differencesOf(theirs: Observation, ours: Observation): Record<string, Observation> {
  const expected = new Map<string, Observation>();
  const actual = new Map<string, Observation>();
  flatten(theirs, "", expected);
  flatten(ours, "", actual);
  const found: Record<string, Observation> = {};
  for (const path of new Set([...expected.keys(), ...actual.keys()])) {
    const value = actual.has(path) ? actual.get(path)! : ABSENT;
    if (!expected.has(path) || value !== expected.get(path)) found[path] = value;
  }
  return found;
}

/** Puts ANY in place of each found value where the table has ANY, so that the two can be compared. */
export function withAny(
  found: Record<string, Observation>,
  listed: Differences,
): Record<string, Observation> {
  return Object.fromEntries(
    Object.entries(found).map(([path, value]) => [path, listed[path] === ANY ? ANY : value]),
  );
}
