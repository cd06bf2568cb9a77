/**
 * What a Blob refers to: which file, and from where to where.
 *
 * Runs on the thread that runs the handler. `Bun.peek(response.blob())` gives the file of a file response unread, but a slice
 * of a file says only its length, not where it begins. `serialize` of bun:jsc does: it writes a file Blob as a reference,
 * synchronously, in 0.4 us. Its layout, little-endian:
 *
 *   offset | bytes | field
 *   0      | 6     | version and tag of the clone format
 *   6      | u64   | byte where the slice begins
 *   14     | u32   | length of the type
 *   18     | ..    | the type
 *   then   | u8    | whether the type was set by the program
 *   then   | u8    | store: 0 a file, 1 bytes, others elsewhere
 *   then   | u64   | length of the slice; a file that was not asked for its size has 2^52 - 1 less its beginning
 *   then   | u8    | 0 a descriptor, 1 a path
 *   then   | u32   | the descriptor, or the length of the path
 *   then   | ..    | the path
 *
 * That is no documented format, so it is tried once on known slices; where it does not give what it must, every Blob is
 * taken for one in memory, and is read. Must not know: whether the file is there.
 */
import { serialize } from "bun:jsc";

/** Which bytes of which file a Blob stands for. */
export interface FileReference {
  /** The path as the program gave it; null for a file that was given by its descriptor. */
  readonly path: string | null;
  /** The descriptor; -1 for a file with a path. It belongs to the program. */
  readonly fd: number;
  /** Byte where it begins; may lie behind the end of the file. */
  readonly start: number;
  /** Byte behind its last; may lie behind the end of the file; Infinity for all that there is. */
  readonly end: number;
  /** Name to offer for saving, with its folders; "" for a descriptor. Programs may have changed it. */
  readonly name: string;
  /** Its media type. */
  readonly type: string;
}

type NamedBlob = Blob & { readonly name?: string | undefined; readonly lastModified: number };

const TYPE_LENGTH_OFFSET = 14;
const START_OFFSET = 6;
const STORE_FILE = 0;
const PLACE_PATH = 1;
/** Length of a file that nobody has measured, and `lastModified` of a Blob in memory: 2^52 - 1. */
const UNKNOWN = 4503599627370495;

let isReadable: boolean | null = null;

/**
 * Says which file a Blob refers to.
 *
 * @param blob from `Bun.peek(response.blob())` or a program. Memory is copied to look into a Blob in memory only when it was
 *   given a name and is no `File`.
 * @returns null for a Blob in memory, for one that lies elsewhere, and where this version of Bun does not tell
 */
export function fileReferenceOf(blob: Blob): FileReference | null {
  if (blob instanceof File) return null;
  const name = (blob as NamedBlob).name;
  // Asked last: of a file it is a system call.
  if (name === undefined && (blob as NamedBlob).lastModified === UNKNOWN) return null;
  isReadable ??= canRead();
  return isReadable ? read(blob, name ?? "") : null;
}

function read(blob: Blob, name: string): FileReference | null {
  const bytes = Buffer.from(serialize(blob) as unknown as ArrayBuffer);
  const typeEnd = TYPE_LENGTH_OFFSET + 4 + bytes.readUInt32LE(TYPE_LENGTH_OFFSET);
  if (bytes[typeEnd + 1] !== STORE_FILE) return null;
  const start = readUint64(bytes, START_OFFSET);
  const end = start + readUint64(bytes, typeEnd + 2);
  const place = bytes.readUInt32LE(typeEnd + 11);
  const isPath = bytes[typeEnd + 10] === PLACE_PATH;
  return {
    path: isPath ? bytes.toString("utf8", typeEnd + 15, typeEnd + 15 + place) : null,
    fd: isPath ? -1 : place,
    start,
    end: end >= UNKNOWN ? Number.POSITIVE_INFINITY : end,
    name,
    type: blob.type,
  };
}

function readUint64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * 0x1_0000_0000;
}

/** Whether known files come out as they must. Nothing is opened: the path need not exist. */
function canRead(): boolean {
  const path = "/nonexistent/épollo";
  const start = 0x12_3456_789a;
  const isRight = (blob: Blob, from: number, to: number, place: string | null, fd: number): boolean => {
    const found = read(blob, "");
    return found?.start === from && found.end === to && found.path === place && found.fd === fd;
  };
  try {
    return (
      isRight(Bun.file(path), 0, Number.POSITIVE_INFINITY, path, -1) &&
      isRight(Bun.file(path).slice(start, start + 0x5432, "a/b"), start, start + 0x5432, path, -1) &&
      isRight(Bun.file(path, { type: "c/d" }).slice(7), 7, Number.POSITIVE_INFINITY, path, -1) &&
      isRight(Bun.file(0x7654321).slice(3, 5), 3, 5, null, 0x7654321) &&
      read(new Blob(["bytes"]), "") === null
    );
  } catch {
    return false;
  }
}
