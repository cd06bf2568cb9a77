/**
 * Fault injection: makes chosen system calls fail, on every thread of the process, for tests and drills.
 *
 * Off unless EPOLLO_FAULTS names a file when the thread loads `libc.ts`: then the bindings are wrapped here; otherwise they
 * are what they were, and nothing costs anything. The file is mapped by all threads (Workers inherit the environment) and by
 * the process that writes the rules (test/support/faults.ts), which switches faults on and off and reads the counts meanwhile.
 * The caller sees what the kernel would show: -1 and errno.
 *
 *   word of a call's rule | meaning
 *   RULE_ERRNO    | error number; 0: the call is left alone
 *   RULE_EVERY    | every so many calls one fails; 1: all
 *   RULE_LEFT     | so many may still fail; -1: no end
 *   RULE_CALLS    | calls made under the rule
 *   RULE_FAILED   | calls made to fail
 *
 * Two failures keep a promise that the kernel gives with them: close(2) closes all the same, and EAGAIN on a socket in an
 * epoll set is followed by an event when the socket is ready, although it never stopped to be.
 */
import { type Pointer, ptr, toArrayBuffer } from "bun:ffi";
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  SYS_FSTAT,
  SYS_OPENAT,
  SYS_OPENAT2,
  SYS_READLINKAT,
} from "./constants.ts";
import { EPOLL_EVENT_SIZE_BYTES } from "./layout.ts";

/** The calls that can be made to fail; a call's rule lies at its index times RULE_WORDS, in int32 words. */
export const FAULT_CALLS = [
  "socket",
  "setsockopt",
  "getsockopt",
  "getsockname",
  "bind",
  "listen",
  "connect",
  "accept4",
  "shutdown",
  "close",
  "read",
  "write",
  "pread",
  "recv",
  "send",
  "sendmsg",
  "sendfile",
  "epoll_create1",
  "epoll_ctl",
  "epoll_wait",
  "eventfd",
  "fcntl",
  "dup3",
  "open",
  "unlink",
  "fstat",
  "openat",
  "openat2",
  "readlinkat",
] as const;

/** Is one of the calls that can be made to fail. */
export type FaultCall = (typeof FAULT_CALLS)[number];

/** Is the length of a rule in words. */
export const RULE_WORDS = 8;
export const RULE_ERRNO = 0;
export const RULE_EVERY = 1;
export const RULE_LEFT = 2;
export const RULE_CALLS = 3;
export const RULE_FAILED = 4;

/** Is the length of the file of rules. */
export const FAULTS_BYTES: number = FAULT_CALLS.length * RULE_WORDS * 4;

const EAGAIN = 11;

/** The calls that `syscall` makes by number. */
const BY_NUMBER: ReadonlyMap<number, FaultCall> = new Map([
  [SYS_FSTAT, "fstat"],
  [SYS_OPENAT, "openat"],
  [SYS_OPENAT2, "openat2"],
  [SYS_READLINKAT, "readlinkat"],
]);

type Binding = (...values: number[]) => number;

/** Maps the rules in a file: shared with every thread and process that maps it. */
export function mapRules(path: string): Int32Array {
  const bytes = Bun.mmap(path, { shared: true });
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
}

/** Gives bindings that fail by the rules in the file at `path`, and are otherwise the given ones. */
export function withFaults<T extends object>(bindings: T, path: string): T {
  const rules = mapRules(path);
  const native = bindings as unknown as Record<string, Binding>;
  const location = native.__errno_location!() as unknown as Pointer;
  const errno = new Int32Array(toArrayBuffer(location, 0, 4));
  const rearm = rearmer(native);

  /** The error number that this call is to fail with; 0 when it is not to. */
  const drawn = (index: number): number => {
    const at = index * RULE_WORDS;
    const code = Atomics.load(rules, at + RULE_ERRNO);
    if (code === 0) return 0;
    const call = Atomics.add(rules, at + RULE_CALLS, 1) + 1;
    if (call % Math.max(1, Atomics.load(rules, at + RULE_EVERY)) !== 0) return 0;
    if (Atomics.load(rules, at + RULE_LEFT) >= 0 && Atomics.sub(rules, at + RULE_LEFT, 1) <= 0) {
      Atomics.store(rules, at + RULE_LEFT, 0);
      return 0;
    }
    Atomics.add(rules, at + RULE_FAILED, 1);
    return code;
  };

  const wrapped: Record<string, Binding> = { ...native };
  FAULT_CALLS.forEach((name, index) => {
    const original = native[name];
    if (original === undefined) return;
    wrapped[name] = (...values) => {
      const code = drawn(index);
      if (code === 0) {
        const result = original(...values);
        if (name === "epoll_ctl" && result === 0) rearm.note(values);
        return result;
      }
      if (name === "close") original(...values);
      if (code === EAGAIN) rearm.promise(values[0]!);
      errno[0] = code;
      return -1;
    };
  });
  wrapped.syscall = (...values) => {
    const name = BY_NUMBER.get(values[0]!);
    const code = name === undefined ? 0 : drawn(FAULT_CALLS.indexOf(name));
    if (code === 0) return native.syscall!(...values);
    errno[0] = code;
    return -1;
  };
  return wrapped as unknown as T;
}

/** Remembers which descriptor is watched how, so that an EAGAIN that was made up is followed by an event. */
function rearmer(native: Readonly<Record<string, Binding>>): {
  note(values: readonly number[]): void;
  promise(fd: number): void;
} {
  const watches = new Map<number, { epollFd: number; event: Uint8Array; address: number }>();
  return {
    note: ([epollFd, operation, fd, address]) => {
      if (operation === EPOLL_CTL_DEL) watches.delete(fd!);
      if (operation !== EPOLL_CTL_ADD) return;
      const bytes = new Uint8Array(toArrayBuffer(address as Pointer, 0, EPOLL_EVENT_SIZE_BYTES).slice(0));
      watches.set(fd!, { epollFd: epollFd!, event: bytes, address: ptr(bytes) as unknown as number });
    },
    promise: (fd) => {
      const watch = watches.get(fd);
      if (watch !== undefined) native.epoll_ctl!(watch.epollFd, EPOLL_CTL_MOD, fd, watch.address);
    },
  };
}
