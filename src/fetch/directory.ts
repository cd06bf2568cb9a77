/**
 * `{ dir }` routes: from the path of a request to a file below a directory.
 *
 * Runs in the dispatcher. Opening is done through a `DirectorySource` that it is given (`net/file.ts` and the fd of the
 * directory), so that this file decides and does no I/O itself. It must not know clients.
 *
 * Safety is kept twice. Here, every file has exactly one path that reaches it: no empty, `.` or `..` segment, no `%` encoding
 * of a character that needs none, no encoded slash; whoever filters or caches by the path sees what is served. And the source
 * opens beneath its directory only, so that what a link or a mistake here would let out stays in.
 *
 * What is refused is 404, and never falls through to another handler. Source: BUN-SERVE.md section 11.4; RFC 3986 section
 * 6.2.2.2. Backslash and colon are refused in any spelling, as Bun.serve does (they mean something on other systems).
 */
import { HEX_VALUE, NOT_HEX } from "../http/grammar.ts";

/** A file as the source opens it: `OpenedFile` of `net/file.ts`. */
export interface FoundFile {
  readonly fd: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly kind: "file" | "directory" | "other";
}

/** Opens files beneath one directory. */
export interface DirectorySource {
  /** Opens a path below the directory, one character a byte, "" for the directory itself. Gives -errno on failure. */
  open(relativePath: string): FoundFile | number;
  /** Closes what `open` gave. */
  close(fd: number): void;
  /** Whether a failure means that there is nothing to serve. */
  isMissing(result: number): boolean;
}

/** What a request to a directory route comes to. */
export type DirectoryResult =
  /** Send `file`, which the caller owns now; `name` is its path below the directory, one character a byte. */
  | { readonly kind: "file"; readonly file: FoundFile; readonly name: string }
  /** 301 to `location`, no content. */
  | { readonly kind: "redirect"; readonly location: string }
  /** 404, no content. */
  | { readonly kind: "missing" }
  /** The machine could not open it: 500, `error` is -errno. */
  | { readonly kind: "failed"; readonly error: number };

const MISSING: DirectoryResult = Object.freeze({ kind: "missing" });
const INDEX = "index.html";

/**
 * Finds the file for a request.
 *
 * @param path the path of the target as it came, percent-encoded, latin-1, from its slash up to `?`
 * @param query what follows the path in the target: "" or from the `?` on
 * @param mountLength length of the path up to the slash where the directory is mounted, the slash included: 5 for `/pub/*`
 */
export function findInDirectory(
  path: string,
  query: string,
  mountLength: number,
  source: DirectorySource,
): DirectoryResult {
  const relativePath = relativePathOf(path, mountLength);
  if (relativePath === null) return MISSING;
  const wantsIndex = relativePath === "" || relativePath.endsWith("/");
  const name = wantsIndex ? relativePath + INDEX : relativePath;
  const file = source.open(name);
  if (typeof file === "number") return source.isMissing(file) ? MISSING : { kind: "failed", error: file };
  if (file.kind === "file") return { kind: "file", file, name };
  source.close(file.fd);
  if (file.kind === "directory" && !wantsIndex) return { kind: "redirect", location: `${path}/${query}` };
  return MISSING;
}

/**
 * Maps a path below a mount to a path below the directory; a slash at its end is kept.
 *
 * @param path as `findInDirectory` takes it
 * @param mountLength as `findInDirectory` takes it
 * @returns one character a byte, decoded, without a slash at its beginning; null for a path that is refused
 */
export function relativePathOf(path: string, mountLength: number): string | null {
  let decoded = "";
  let copied = mountLength;
  let segmentStart = mountLength;
  for (let index = mountLength; index < path.length; index++) {
    const byte = path.charCodeAt(index);
    if (byte === SLASH) {
      if (!isSegment(path, segmentStart, index)) return null;
      segmentStart = index + 1;
    } else if (byte === PERCENT) {
      const high = HEX_VALUE[path.charCodeAt(index + 1)] ?? NOT_HEX;
      const low = HEX_VALUE[path.charCodeAt(index + 2)] ?? NOT_HEX;
      if (high === NOT_HEX || low === NOT_HEX) return null;
      const encoded = high * 16 + low;
      if (NEVER_ENCODED[encoded] === 1) return null;
      decoded += path.slice(copied, index) + String.fromCharCode(encoded);
      index += 2;
      copied = index + 1;
    } else if (byte === BACKSLASH || byte === COLON || byte === 0 || byte > 0xff) {
      return null;
    }
  }
  // After the last slash there may be nothing.
  if (segmentStart < path.length && !isSegment(path, segmentStart, path.length)) return null;
  return decoded + path.slice(copied);
}

const PERCENT = 0x25;
const DOT = 0x2e;
const SLASH = 0x2f;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** Bytes that need no encoding in a path (RFC 3986 pchar), and those that never are part of a name: NUL, slash, backslash. */
const NEVER_ENCODED: Uint8Array = new Uint8Array(256);
for (const character of "-._~!$&'()*+,;=:@\\/\0") NEVER_ENCODED[character.charCodeAt(0)] = 1;
NEVER_ENCODED.fill(1, 0x30, 0x3a);
NEVER_ENCODED.fill(1, 0x41, 0x5b);
NEVER_ENCODED.fill(1, 0x61, 0x7b);

/** Whether `path[start..end)` is neither empty nor `.` nor `..`; a dot is never encoded, so its spelling is the only one. */
function isSegment(path: string, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0) return false;
  if (length > 2 || path.charCodeAt(start) !== DOT) return true;
  return length === 2 && path.charCodeAt(start + 1) !== DOT;
}

const types = new Map<string, string>();
const MOST_TYPES = 256;

/**
 * Gives the media type for a name, as `Bun.file(name).type` does, remembered by extension.
 *
 * @param name a path; only what follows the last dot of its last segment counts
 */
export function typeOfName(name: string): string {
  const base = name.slice(name.lastIndexOf("/") + 1);
  const dot = base.lastIndexOf(".");
  // A name that begins with its only dot has no extension.
  const extension = dot > 0 ? base.slice(dot) : "";
  let type = types.get(extension);
  if (type === undefined) {
    type = Bun.file(`x${extension}`).type;
    // Names come from disk, but not all disks are friendly.
    if (types.size < MOST_TYPES) types.set(extension, type);
  }
  return type;
}
