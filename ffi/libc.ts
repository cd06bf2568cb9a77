/**
 * The one place that opens the C library.
 *
 * Every thread that imports this file gets its own bindings (a Worker evaluates its modules anew); they hold no
 * state, so any thread may call any of them. Bun 1.4.5 never frees what `dlopen` made for a Worker that is terminated, about 0.2 KB a
 * function, but what `CFunction` made: a handler thread, of which there may be thousands, closes the library again and calls the
 * functions by their addresses. Most of them it binds at their first call (`late-binding.ts`). Nothing here knows what the calls
 * are used for, nor reads errno: `calls.ts` wraps the bindings so that a failure comes back as -errno.
 *
 * glibc is `libc.so.6`, musl is `libc.musl-<arch>.so.1`; whichever the loader finds first is used. Pointers are
 * plain numbers (user space needs 47 bits of the 53 that a number has), ssize_t and size_t are numbers too. The
 * variadic functions (`open`, `fcntl`, `syscall`) are called with fixed arguments, which the x86-64 and the arm64
 * Linux calling conventions allow for integers.
 *
 * Elsewhere than on Linux importing this file is harmless and every binding throws when it is called.
 */
import { CFunction, dlopen, type Pointer } from "bun:ffi";
import type * as Faults from "./faults.ts";
import { bindingPlan } from "./late-binding.ts";

/** Name of the environment variable that makes calls fail (`faults.ts`). */
export const FAULTS_VARIABLE = "EPOLLO_FAULTS";

/** Names the C library functions that epollo calls, with pointers and sizes as numbers. Results are those of C. */
export interface Libc {
  /** socket(2) */
  socket(domain: number, type: number, protocol: number): number;
  /** setsockopt(2) */
  setsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  /** getsockopt(2) */
  getsockopt(fd: number, level: number, name: number, value: number, length: number): number;
  /** getsockname(2) */
  getsockname(fd: number, sockaddr: number, length: number): number;
  /** getpeername(2) */
  getpeername(fd: number, sockaddr: number, length: number): number;
  /** bind(2) */
  bind(fd: number, sockaddr: number, length: number): number;
  /** listen(2) */
  listen(fd: number, backlog: number): number;
  /** connect(2) */
  connect(fd: number, sockaddr: number, length: number): number;
  /** accept4(2) */
  accept4(fd: number, sockaddr: number, length: number, flags: number): number;
  /** shutdown(2) */
  shutdown(fd: number, how: number): number;
  /** close(2) */
  close(fd: number): number;
  /** read(2) */
  read(fd: number, address: number, length: number): number;
  /** write(2) */
  write(fd: number, address: number, length: number): number;
  /** pread(2), with a 64-bit offset */
  pread(fd: number, address: number, length: number, offset: number): number;
  /** readv(2) */
  readv(fd: number, vector: number, count: number): number;
  /** writev(2) */
  writev(fd: number, vector: number, count: number): number;
  /** recv(2) */
  recv(fd: number, address: number, length: number, flags: number): number;
  /** send(2) */
  send(fd: number, address: number, length: number, flags: number): number;
  /** sendmsg(2) */
  sendmsg(fd: number, message: number, flags: number): number;
  /** sendfile(2) */
  sendfile(outFd: number, inFd: number, offset: number, length: number): number;
  /** epoll_create1(2) */
  epoll_create1(flags: number): number;
  /** epoll_ctl(2) */
  epoll_ctl(epollFd: number, operation: number, fd: number, event: number): number;
  /** epoll_wait(2) */
  epoll_wait(epollFd: number, events: number, capacity: number, timeoutMs: number): number;
  /** eventfd(2) */
  eventfd(initial: number, flags: number): number;
  /** fcntl(2) */
  fcntl(fd: number, command: number, argument: number): number;
  /** dup3(2) */
  dup3(fd: number, target: number, flags: number): number;
  /** open(2) */
  open(path: number, flags: number, mode: number): number;
  /** unlink(2) */
  unlink(path: number): number;
  /** mmap(2) */
  mmap(
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): number;
  /** munmap(2) */
  munmap(address: number, length: number): number;
  /** getaddrinfo(3) */
  getaddrinfo(node: number, service: number, hints: number, result: number): number;
  /** freeaddrinfo(3) */
  freeaddrinfo(list: number): void;
  /** gai_strerror(3): address of a static C string */
  gai_strerror(code: number): number;
  /** clock_gettime(2) */
  clock_gettime(clock: number, timespec: number): number;
  /** getrusage(2) */
  getrusage(who: number, usage: number): number;
  /** getpid(2) */
  getpid(): number;
  /** sched_yield(2) */
  sched_yield(): number;
  /** syscall(2) with up to four arguments */
  syscall(number: number, first: number, second: number, third: number, fourth: number): number;
  /** errno(3): address of the calling thread's errno, the same for the whole life of the thread */
  __errno_location(): number;
}

const SIGNATURES = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "usize"], returns: "i64_fast" },
  write: { args: ["i32", "ptr", "usize"], returns: "i64_fast" },
  pread: { args: ["i32", "ptr", "usize", "i64_fast"], returns: "i64_fast" },
  readv: { args: ["i32", "ptr", "i32"], returns: "i64_fast" },
  writev: { args: ["i32", "ptr", "i32"], returns: "i64_fast" },
  recv: { args: ["i32", "ptr", "usize", "i32"], returns: "i64_fast" },
  send: { args: ["i32", "ptr", "usize", "i32"], returns: "i64_fast" },
  sendmsg: { args: ["i32", "ptr", "i32"], returns: "i64_fast" },
  sendfile: { args: ["i32", "i32", "ptr", "usize"], returns: "i64_fast" },
  epoll_create1: { args: ["i32"], returns: "i32" },
  epoll_ctl: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  epoll_wait: { args: ["i32", "ptr", "i32", "i32"], returns: "i32" },
  eventfd: { args: ["u32", "i32"], returns: "i32" },
  dup3: { args: ["i32", "i32", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i64_fast"], returns: "i32" },
  open: { args: ["ptr", "i32", "u32"], returns: "i32" },
  unlink: { args: ["ptr"], returns: "i32" },
  mmap: { args: ["ptr", "usize", "i32", "i32", "i32", "i64_fast"], returns: "i64_fast" },
  munmap: { args: ["ptr", "usize"], returns: "i32" },
  getaddrinfo: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  freeaddrinfo: { args: ["ptr"], returns: "void" },
  gai_strerror: { args: ["i32"], returns: "ptr" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  getrusage: { args: ["i32", "ptr"], returns: "i32" },
  getpid: { args: [], returns: "i32" },
  sched_yield: { args: [], returns: "i32" },
  syscall: { args: ["i64_fast", "i64_fast", "i64_fast", "i64_fast", "i64_fast"], returns: "i64_fast" },
  __errno_location: { args: [], returns: "ptr" },
} as const satisfies Record<keyof Libc, { args: readonly string[]; returns: string }>;

type Name = keyof Libc;
type Signatures = Parameters<typeof dlopen>[1];
type Binding = (...values: number[]) => number;

/** What each handler thread calls. errno's address must be bound before a call fails: binding changes errno. */
const EARLY: readonly Name[] = [
  "__errno_location",
  "clock_gettime",
  "getrusage",
  "sched_yield",
  "syscall",
  "write",
];

/** Lists the file names under which the C library is looked for on this machine, in order. */
export function libcCandidates(arch: string = process.arch): string[] {
  const muslArch = arch === "arm64" ? "aarch64" : "x86_64";
  return ["libc.so.6", `libc.musl-${muslArch}.so.1`];
}

function openLibc(): Libc {
  if (process.platform !== "linux") return unavailable(`it runs on ${process.platform}`);
  if (process.arch !== "x64" && process.arch !== "arm64") return unavailable(`the CPU is ${process.arch}`);
  const failures: string[] = [];
  for (const name of libcCandidates()) {
    try {
      const found = bindingPlan.isLate ? bindLate(name) : bind(name, SIGNATURES);
      const rules = process.env[FAULTS_VARIABLE];
      if (rules === undefined || rules === "") return found;
      // With `require`: every thread loads this module, and hardly any process wants faults.
      return (require("./faults.ts") as typeof Faults).withFaults(found, rules);
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`epollo found no C library that it can use (${failures.join("; ")})`);
}

function bind(library: string, signatures: object): Libc {
  return dlopen(library, signatures as Signatures).symbols as unknown as Libc;
}

/** Where functions are. Throws what `dlopen` throws. */
function addressesIn(library: string, names: readonly Name[]): Pointer[] {
  const { symbols, close } = dlopen(
    library,
    Object.fromEntries(names.map((name) => [name, SIGNATURES[name]])) as Signatures,
  );
  const addresses = names.map((name) => (symbols[name] as unknown as { ptr: Pointer }).ptr);
  // The process itself is linked with the library: it stays where it is.
  close();
  return addresses;
}

/** Binds functions by their addresses: nothing of them outlives the thread. Throws what `dlopen` throws. */
function bindByAddress(library: string, names: readonly Name[]): Partial<Record<Name, Binding>> {
  const addresses = addressesIn(library, names);
  const bindings: Partial<Record<Name, Binding>> = {};
  for (const [index, name] of names.entries()) {
    const signature = { ...SIGNATURES[name], ptr: addresses[index] };
    bindings[name] = CFunction(signature as Parameters<typeof CFunction>[0]) as unknown as Binding;
  }
  return bindings;
}

/** Binds what a handler thread needs, and each other function when it is called first. */
function bindLate(library: string): Libc {
  const bindings: Partial<Record<Name, Binding>> = bindByAddress(library, EARLY);
  for (const name of Object.keys(SIGNATURES) as Name[]) bindings[name] ??= late(library, name);
  return bindings as unknown as Libc;
}

function late(library: string, name: Name): Binding {
  let binding: Binding | null = null;
  return (...values) => {
    binding ??= bindByAddress(library, [name])[name] as Binding;
    return binding(...values);
  };
}

function unavailable(reason: string): Libc {
  const refuse = (): never => {
    throw new Error(`epollo's system calls need Linux on x86-64 or arm64; ${reason}`);
  };
  return new Proxy({}, { get: () => refuse }) as Libc;
}

/** Holds this thread's bindings of the C library. Hot callers copy the function they need into a `const` first. */
export const libc: Libc = openLibc();

/** Where a function of the C library is, for what calls it by its address. Throws where no library is found. */
export function addressOf(name: Name): Pointer {
  for (const library of libcCandidates()) {
    try {
      return addressesIn(library, [name])[0] as Pointer;
    } catch {}
  }
  throw new Error(`epollo found no C library that has ${name}`);
}
