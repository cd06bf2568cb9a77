/**
 * The request methods this server takes, numbered.
 *
 * A method crosses threads as its index in `METHODS`; the string is looked up where user code asks for it. The list
 * is the one Bun.serve accepts. Methods are case-sensitive (RFC 9110 section 9.1), so `get` is an unknown method,
 * answered with 501.
 *
 * Thread: any; constant after evaluation.
 * Must not know: what a method means beyond its name.
 */

/**
 * Lists the known methods in alphabetical order; the index is the number a method goes by between threads. Shape: 35
 * entries. Not frozen: reading of a frozen array takes 9 ns longer, and each `request.method` does.
 */
export const METHODS: readonly string[] = [
  "ACL",
  "BIND",
  "CHECKOUT",
  "CONNECT",
  "COPY",
  "DELETE",
  "GET",
  "HEAD",
  "LINK",
  "LOCK",
  "M-SEARCH",
  "MERGE",
  "MKACTIVITY",
  "MKCALENDAR",
  "MKCOL",
  "MOVE",
  "NOTIFY",
  "OPTIONS",
  "PATCH",
  "POST",
  "PROPFIND",
  "PROPPATCH",
  "PURGE",
  "PUT",
  "QUERY",
  "REBIND",
  "REPORT",
  "SEARCH",
  "SOURCE",
  "SUBSCRIBE",
  "TRACE",
  "UNBIND",
  "UNLINK",
  "UNLOCK",
  "UNSUBSCRIBE",
];

/** Index of CONNECT: its target is an authority. */
export const METHOD_CONNECT = 3;
/** Index of DELETE. */
export const METHOD_DELETE = 5;
/** Index of GET. */
export const METHOD_GET = 6;
/** Index of HEAD: its response carries no content. */
export const METHOD_HEAD = 7;
/** Index of OPTIONS: the only method whose target may be `*`. */
export const METHOD_OPTIONS = 17;
/** Index of PATCH. */
export const METHOD_PATCH = 18;
/** Index of POST. */
export const METHOD_POST = 19;
/** Index of PUT. */
export const METHOD_PUT = 23;
/** Index of TRACE. */
export const METHOD_TRACE = 30;

const LONGEST = 11;
/** Indices by the length of the name; made for the first method that is none of the usual four. */
let byLength: readonly (readonly number[])[] | null = null;

function indicesByLength(): readonly (readonly number[])[] {
  const found: number[][] = [];
  for (let length = 0; length <= LONGEST; length++) found.push([]);
  for (let index = 0; index < METHODS.length; index++) found[METHODS[index]!.length]!.push(index);
  return found;
}

/**
 * Finds the method spelled by `bytes[start..end)`.
 * Returns its index in {@link METHODS}, or -1 for one that is not there (the answer is 501).
 */
export function matchMethod(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  // The four that make up nearly all traffic, told apart by length and first byte before the whole name is compared.
  switch (length) {
    case 3:
      if (bytes[start] === 0x47 && equals(bytes, start, "GET")) return METHOD_GET;
      if (bytes[start] === 0x50 && equals(bytes, start, "PUT")) return METHOD_PUT;
      break;
    case 4:
      if (bytes[start] === 0x50 && equals(bytes, start, "POST")) return METHOD_POST;
      if (bytes[start] === 0x48 && equals(bytes, start, "HEAD")) return METHOD_HEAD;
      break;
  }
  if (length < 0 || length > LONGEST) return -1;
  byLength ??= indicesByLength();
  const candidates = byLength[length];
  for (let index = 0; index < candidates.length; index++) {
    if (equals(bytes, start, METHODS[candidates[index]])) return candidates[index];
  }
  return -1;
}

function equals(bytes: Uint8Array, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if (bytes[start + index] !== name.charCodeAt(index)) return false;
  }
  return true;
}
