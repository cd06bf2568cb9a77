/**
 * Opens files to be sent, and says what they are.
 *
 * Any thread; the descriptor belongs to whoever opened it and may be handed to another thread, as a number. Every call here
 * may block for as long as the disk takes. It must not know what the files are sent for.
 *
 * Files are opened first and asked about afterwards, by their descriptor, so that size and time are those of what will be
 * sent. O_NONBLOCK keeps a pipe or a device from blocking the open; regular files do not care. Whatever fails after the
 * open closes the descriptor.
 *
 * `openBeneath` lets the kernel walk the path (openat2, RESOLVE_BENEATH): no `..`, no symbolic link and no rename during the
 * walk leads out of the directory. Kernels before 5.6 and filters without openat2 get `openInside`, which opens a mere
 * reference (O_PATH), asks /proc where it lies, and only then opens that same file for reading. It differs in one way: a
 * link that leaves the directory and comes back, or is absolute and leads inside, is followed.
 *
 * Failures come back as -errno; callers ask `isMissing` and compare nothing. Source: open(2), openat2(2), proc(5), inode(7).
 */
import { close, fcntl, fstat, open, openat, openat2, pread, readlinkat } from "../../ffi/calls.ts";
import {
  AT_FDCWD,
  F_DUPFD_CLOEXEC,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../../ffi/constants.ts";
import { ERRNO, type SyscallError, syscallError } from "../../ffi/errno.ts";
import {
  loadUint64,
  OPEN_HOW_FLAGS_OFFSET,
  OPEN_HOW_RESOLVE_OFFSET,
  OPEN_HOW_SIZE_BYTES,
  STAT_LENGTH_OFFSET,
  STAT_MODE_OFFSET,
  STAT_MODIFIED_OFFSET,
  STAT_SIZE_BYTES,
  storeUint64,
} from "../../ffi/layout.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";

/** What an opened file is. Only a "file" has bytes at offsets; "other" is a pipe, a device or a socket. */
export type FileKind = "file" | "directory" | "other";

/** An open file. Whoever holds it closes `fd`, once. */
export interface OpenedFile {
  /** The descriptor, open for reading. */
  readonly fd: number;
  /** Bytes in the file when it was opened; 0 for files of /proc. */
  readonly size: number;
  /** Time of the last change of the content, in ms since 1970, whole; negative before. */
  readonly mtimeMs: number;
  /** What it is. */
  readonly kind: FileKind;
}

const ENXIO = 6;
const EXDEV = 18;
/** PATH_MAX of linux/limits.h, the terminating NUL included. */
const PATH_CAPACITY_BYTES = 4096;
const READ_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
/** How often a walk is begun anew that a rename in the tree disturbed (EAGAIN), openat2(2). */
const DISTURBED_WALKS = 16;

// One set for the thread; nothing here keeps an address beyond its call.
const path = NativeBuffer.allocate(PATH_CAPACITY_BYTES);
const link = NativeBuffer.allocate(PATH_CAPACITY_BYTES);
const stat = NativeBuffer.allocate(STAT_SIZE_BYTES);
const statWords = stat.int32();
const how = NativeBuffer.allocate(OPEN_HOW_SIZE_BYTES);
storeUint64(how.int32(), OPEN_HOW_FLAGS_OFFSET / 4, READ_FLAGS);
storeUint64(how.int32(), OPEN_HOW_RESOLVE_OFFSET / 4, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
let hasOpenat2 = true;

/**
 * Opens the file at `filePath` for reading; relative paths start at the working directory. Symbolic links are followed.
 *
 * @param filePath a string, written as UTF-8
 * @returns the file, or -errno: ENOENT also for a path with a NUL, ENAMETOOLONG for one above 4,095 bytes
 */
export function openFile(filePath: string): OpenedFile | number {
  const length = writePath(filePath, "utf8");
  if (length < 0) return length;
  let fd = open(path.address, READ_FLAGS, 0);
  while (fd === -ERRNO.EINTR) fd = open(path.address, READ_FLAGS, 0);
  return describe(fd);
}

/** Opens a directory as a starting point for `openBeneath`. Gives its fd or -errno: ENOENT, ENOTDIR, EACCES. */
export function openRoot(directoryPath: string): number {
  const length = writePath(directoryPath, "utf8");
  if (length < 0) return length;
  let fd = open(path.address, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  while (fd === -ERRNO.EINTR) fd = open(path.address, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  return fd;
}

/**
 * Opens a file below the directory `rootFd` for reading, and nothing outside of it.
 *
 * @param relativePath the bytes of the path, one character (up to U+00FF) a byte: names need not be UTF-8. "" is the
 *   directory itself.
 * @returns the file, or -errno: EXDEV for a path that leaves the directory, ELOOP for links in a circle
 */
export function openBeneath(rootFd: number, relativePath: string): OpenedFile | number {
  if (!hasOpenat2) return openInside(rootFd, relativePath);
  const length = writePath(relativePath === "" ? "." : relativePath, "latin1");
  if (length < 0) return length;
  let fd = openat2(rootFd, path.address, how.address);
  for (let tries = 1; tries < DISTURBED_WALKS && isDisturbed(fd); tries++) {
    fd = openat2(rootFd, path.address, how.address);
  }
  if (fd === -ERRNO.ENOSYS || fd === -ERRNO.EPERM) {
    // EPERM is also what a filter says; the other way is as safe, only slower.
    if (fd === -ERRNO.ENOSYS) hasOpenat2 = false;
    return openInside(rootFd, relativePath);
  }
  return describe(fd);
}

/** Opens as `openBeneath` does, without openat2: for old kernels, and exported for the test. Needs /proc. */
export function openInside(rootFd: number, relativePath: string): OpenedFile | number {
  const length = writePath(relativePath === "" ? "." : relativePath, "latin1");
  if (length < 0) return length;
  // A path from the root of the file system would not start at the directory.
  if (path.bytes[0] === 0x2f) return -EXDEV;
  let reference = openat(rootFd, path.address, O_PATH | O_CLOEXEC, 0);
  while (reference === -ERRNO.EINTR) reference = openat(rootFd, path.address, O_PATH | O_CLOEXEC, 0);
  if (reference < 0) return reference;
  const fd = openReference(reference, rootFd);
  close(reference);
  return describe(fd);
}

/** Opens for reading what `reference` points at, if it lies in the directory. Gives its fd or -errno. */
function openReference(reference: number, rootFd: number): number {
  const root = placeOf(rootFd);
  if (typeof root === "number") return root;
  const place = placeOf(reference);
  if (typeof place === "number") return place;
  if (place !== root && !place.startsWith(root.endsWith("/") ? root : `${root}/`)) return -EXDEV;
  writePath(`/proc/self/fd/${reference}`, "latin1");
  let fd = open(path.address, READ_FLAGS, 0);
  while (fd === -ERRNO.EINTR) fd = open(path.address, READ_FLAGS, 0);
  return fd;
}

/** Describes a descriptor that the caller has opened, such as that of `Bun.file(fd)`; never closes it. Gives -errno (EBADF) when it cannot. */
export function describeOpen(fd: number): OpenedFile | number {
  const result = fstat(fd, stat.address);
  if (result < 0) return result;
  const type = statWords[STAT_MODE_OFFSET / 4]! & S_IFMT;
  const word = STAT_MODIFIED_OFFSET / 4;
  // Seconds are signed; nanoseconds fit in 32 bits.
  const seconds = statWords[word + 1]! * 0x1_0000_0000 + (statWords[word]! >>> 0);
  return {
    fd,
    size: loadUint64(statWords, STAT_LENGTH_OFFSET / 4),
    mtimeMs: seconds * 1000 + Math.floor(statWords[word + 2]! / 1_000_000),
    kind: type === S_IFREG ? "file" : type === S_IFDIR ? "directory" : "other",
  };
}

/**
 * Reads `length` bytes from byte `offset` of a file on to `address`, in as many calls as it takes.
 *
 * @returns the number of bytes; fewer than `length` when the file ends before; or -errno (EISDIR for a directory) when
 *   nothing could be read
 */
export function readAt(fd: number, address: number, length: number, offset: number): number {
  let done = 0;
  while (done < length) {
    const result = pread(fd, address + done, length - done, offset + done);
    if (result === -ERRNO.EINTR) continue;
    if (result <= 0) return done > 0 ? done : result;
    done += result;
  }
  return done;
}

/** Makes another descriptor for the same open file, close-on-exec. Gives it or -errno (EBADF, EMFILE). */
export function duplicateFile(fd: number): number {
  return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/** The error for a file that could not be opened, worded as Bun words it. */
export function openError(result: number, filePath?: string): SyscallError {
  return syscallError("open", result, filePath);
}

/** Closes a file. The number may be given to another descriptor at once. Gives 0 or -errno; it is closed either way. */
export function closeFile(fd: number): number {
  return close(fd);
}

/**
 * Says whether a failure to open means that there is nothing to serve under this path, as opposed to a machine that is out of
 * descriptors or memory, or a disk that fails. What may not be read counts as missing.
 */
export function isMissing(result: number): boolean {
  switch (-result) {
    case ERRNO.ENOENT:
    case ERRNO.ENOTDIR:
    case ERRNO.EACCES:
    case ERRNO.EPERM:
    case ERRNO.ELOOP:
    case ERRNO.ENAMETOOLONG:
    case ERRNO.ENODEV:
    case ENXIO:
    case EXDEV:
      return true;
    default:
      return false;
  }
}

function isDisturbed(result: number): boolean {
  return result === -ERRNO.EAGAIN || result === -ERRNO.EINTR;
}

function describe(fd: number): OpenedFile | number {
  if (fd < 0) return fd;
  const file = describeOpen(fd);
  if (typeof file === "number") close(fd);
  return file;
}

/** Where a descriptor lies, as bytes in latin-1, or -errno: EXDEV without /proc, since nobody knows where it is. */
function placeOf(fd: number): string | number {
  writePath(`/proc/self/fd/${fd}`, "latin1");
  const length = readlinkat(AT_FDCWD, path.address, link.address, PATH_CAPACITY_BYTES);
  if (length < 0) return isMissing(length) ? -EXDEV : length;
  // A place that fills the buffer may be cut.
  return length === 0 || length === PATH_CAPACITY_BYTES ? -EXDEV : link.bytes.toString("latin1", 0, length);
}

/** Puts a path, zero-terminated, where the calls read it. Gives its length in bytes or -errno. */
function writePath(text: string, encoding: "utf8" | "latin1"): number {
  const most = PATH_CAPACITY_BYTES - 1;
  const isLong = text.length > most || (encoding === "utf8" && text.length * 3 > most);
  if (isLong && Buffer.byteLength(text, encoding) > most) return -ERRNO.ENAMETOOLONG;
  if (text.includes("\0")) return -ERRNO.ENOENT;
  const length = path.bytes.write(text, 0, encoding);
  path.bytes[length] = 0;
  return length;
}
