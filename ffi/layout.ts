/**
 * Sizes and offsets of the C structures that cross the system call border, and how to fill and read them.
 *
 * Linux on x86-64 and arm64, both 64-bit and little-endian. Two structures differ: `epoll_event` is packed to 12 bytes
 * on x86-64 and 16 bytes long, data at 8, on arm64; `stat` has its mode elsewhere and another length. `test/ffi/layout.test.ts` compares each number with the headers of
 * the machine through the C compiler.
 *
 * All functions write into memory that they are given; any thread may call them. Ports are passed in host order and
 * stored in network order. All fields lie at multiples of their size, so Int32Array views fit everywhere.
 *
 * | struct | bytes | fields (offset) |
 * | --- | --- | --- |
 * | epoll_event | 12 or 16 | events u32 (0), data u64 (4 or 8) |
 * | sockaddr_in | 16 | family u16 (0), port u16 be (2), address (4) |
 * | sockaddr_in6 | 28 | family u16 (0), port u16 be (2), flowinfo u32 (4), address (8), scope u32 (24) |
 * | sockaddr_un | 110 | family u16 (0), path (2) |
 * | iovec | 16 | base (0), length (8) |
 * | msghdr | 56 | name (0), namelen u32 (8), iov (16), iovlen (24), control (32), controllen (40), flags i32 (48) |
 * | addrinfo | 48 | flags, family, socktype, protocol i32 (0, 4, 8, 12), addrlen u32 (16), addr (24), canonname (32), next (40) |
 * | stat | 144 or 128 | mode u32 (24 or 16), size i64 (48), mtime seconds i64 (88), nanoseconds i64 (96) |
 * | rusage | 144 | utime (0), stime (16) as seconds and microseconds i64, nvcsw i64 (128) |
 * | sock_filter | 8 | code u16 (0), jt u8 (2), jf u8 (3), k u32 (4) |
 * | sock_fprog | 16 | len u16 (0), filter (8) |
 * | open_how | 24 | flags u64 (0), mode u64 (8), resolve u64 (16) |
 */
import { AF_INET, AF_INET6, AF_UNIX } from "./constants.ts";

const isPacked = process.arch !== "arm64";

/** Is the distance of two epoll_events in an array: 12 bytes on x86-64, 16 on arm64. linux/eventpoll.h, EPOLL_PACKED. */
export const EPOLL_EVENT_SIZE_BYTES: number = isPacked ? 12 : 16;
/** Is the offset of an epoll_event's 64 bits of user data: 4 on x86-64, 8 on arm64. */
export const EPOLL_EVENT_DATA_OFFSET: number = isPacked ? 4 : 8;

/** Is the size of a sockaddr_in. linux/in.h. */
export const SOCKADDR_IN_SIZE_BYTES = 16;
/** Is the size of a sockaddr_in6. linux/in6.h. */
export const SOCKADDR_IN6_SIZE_BYTES = 28;
/** Is the size of a sockaddr_un. linux/un.h. */
export const SOCKADDR_UN_SIZE_BYTES = 110;
/** Is the offset of the path in a sockaddr_un; also the length of an unnamed unix address. */
export const SOCKADDR_UN_PATH_OFFSET = 2;
/** Is the room for any sockaddr. linux/socket.h, _K_SS_MAXSIZE. */
export const SOCKADDR_STORAGE_SIZE_BYTES = 128;

/** Is the size of an iovec. linux/uio.h. */
export const IOVEC_SIZE_BYTES = 16;
/** Is the size of a msghdr as the C library has it. bits/socket.h. */
export const MSGHDR_SIZE_BYTES = 56;
/** Is the offset of msg_iov in a msghdr. */
export const MSGHDR_VECTOR_OFFSET = 16;
/** Is the offset of msg_iovlen in a msghdr (musl has an int there and zero padding: the same bytes for small counts). */
export const MSGHDR_VECTOR_LENGTH_OFFSET = 24;

/** Is the size of a rusage. linux/resource.h. */
export const RUSAGE_SIZE_BYTES = 144;
/** Is the offset of ru_nvcsw. */
export const RUSAGE_VOLUNTARY_SWITCHES_OFFSET = 128;

/** Is the size of an addrinfo. netdb.h. */
export const ADDRINFO_SIZE_BYTES = 48;
/** Is the offset of ai_flags. */
export const ADDRINFO_FLAGS_OFFSET = 0;
/** Is the offset of ai_socktype. */
export const ADDRINFO_SOCKTYPE_OFFSET = 8;
/** Is the offset of ai_addrlen. */
export const ADDRINFO_ADDRESS_LENGTH_OFFSET = 16;
/** Is the offset of ai_addr. glibc and musl have it before ai_canonname. */
export const ADDRINFO_ADDRESS_OFFSET = 24;
/** Is the offset of ai_next. */
export const ADDRINFO_NEXT_OFFSET = 40;

/** Is the size of a sock_filter, one instruction of classic BPF. linux/filter.h. */
export const SOCK_FILTER_SIZE_BYTES = 8;
/** Is the size of a sock_fprog, which names a program. linux/filter.h. */
export const SOCK_FPROG_SIZE_BYTES = 16;
/** Is the offset of the address of a sock_fprog's instructions. linux/filter.h. */
export const SOCK_FPROG_FILTER_OFFSET = 8;
/** Is the offset of a stat's device number, a 64-bit number; the inode number follows. */
export const STAT_DEVICE_OFFSET = 0;
/** Is the offset of a stat's inode number, a 64-bit number. */
export const STAT_INODE_OFFSET = 8;
/** Is the size of a stat: 144 bytes on x86-64, 128 on arm64. sys/stat.h, asm/stat.h. */
export const STAT_SIZE_BYTES: number = isPacked ? 144 : 128;
/** Is the offset of st_mode, 32 bits. */
export const STAT_MODE_OFFSET: number = isPacked ? 24 : 16;
/** Is the offset of st_size, 64 bits. */
export const STAT_LENGTH_OFFSET = 48;
/** Is the offset of st_mtim: seconds, signed, and nanoseconds, 64 bits each. */
export const STAT_MODIFIED_OFFSET = 88;

/** Is the size of an open_how. linux/openat2.h. */
export const OPEN_HOW_SIZE_BYTES = 24;
/** Is the offset of an open_how's flags, 64 bits. */
export const OPEN_HOW_FLAGS_OFFSET = 0;
/** Is the offset of an open_how's resolve, 64 bits. */
export const OPEN_HOW_RESOLVE_OFFSET = 16;

/**
 * Writes a pointer, size or file offset (0 to 2^53 - 1) as 64 bits into two words, low word first, without a BigInt.
 * Negative numbers are not allowed.
 */
export function storeUint64(words: Int32Array, index: number, value: number): void {
  words[index] = value | 0;
  words[index + 1] = (value / 0x1_0000_0000) | 0;
}

/** Reads 64 bits written by `storeUint64` or the kernel; exact up to 2^53 - 1. */
export function loadUint64(words: Int32Array, index: number): number {
  return (words[index + 1]! >>> 0) * 0x1_0000_0000 + (words[index]! >>> 0);
}

/** Writes the iovec at `index` (in iovecs, not words) of an array of them. The bytes it points to must be kept alive by the caller. */
export function encodeIovec(vector: Int32Array, index: number, address: number, length: number): void {
  const word = index * 4;
  storeUint64(vector, word, address);
  storeUint64(vector, word + 2, length);
}

/** Writes a sockaddr_in at the start of `target`: 4 address bytes in network order, port 0 to 65535. Gives its length, 16. */
export function encodeSockaddrIn(target: Buffer, address: Uint8Array, port: number): number {
  target.fill(0, 0, SOCKADDR_IN_SIZE_BYTES);
  target.writeUInt16LE(AF_INET, 0);
  target.writeUInt16BE(port, 2);
  target.set(address.subarray(0, 4), 4);
  return SOCKADDR_IN_SIZE_BYTES;
}

/** Writes a sockaddr_in6 at the start of `target`: 16 address bytes, port 0 to 65535, no flow, no scope. Gives its length, 28. */
export function encodeSockaddrIn6(target: Buffer, address: Uint8Array, port: number): number {
  target.fill(0, 0, SOCKADDR_IN6_SIZE_BYTES);
  target.writeUInt16LE(AF_INET6, 0);
  target.writeUInt16BE(port, 2);
  target.set(address.subarray(0, 16), 8);
  return SOCKADDR_IN6_SIZE_BYTES;
}

/**
 * Writes a sockaddr_un at the start of `target`. A path that begins with NUL is an abstract name, whose length counts.
 * Returns the address length for bind and connect, or -1 when the path does not fit: at most 107 bytes of UTF-8,
 * the leading NUL of an abstract name included. Source: unix(7); the limit for abstract names is Bun's (the kernel takes 108).
 */
export function encodeSockaddrUn(target: Buffer, path: string): number {
  const capacityBytes = SOCKADDR_UN_SIZE_BYTES - SOCKADDR_UN_PATH_OFFSET;
  const length = Buffer.byteLength(path);
  if (length >= capacityBytes) return -1;
  target.fill(0, 0, SOCKADDR_UN_SIZE_BYTES);
  target.writeUInt16LE(AF_UNIX, 0);
  target.write(path, SOCKADDR_UN_PATH_OFFSET, "utf8");
  return path.startsWith("\0") ? SOCKADDR_UN_PATH_OFFSET + length : SOCKADDR_UN_SIZE_BYTES;
}

/** Reads the address family of a sockaddr: AF_INET, AF_INET6, AF_UNIX or 0. */
export function sockaddrFamily(sockaddr: Buffer): number {
  return sockaddr[0]! | (sockaddr[1]! << 8);
}

/** Reads the port of a sockaddr_in or sockaddr_in6. */
export function sockaddrPort(sockaddr: Buffer): number {
  return (sockaddr[2]! << 8) | sockaddr[3]!;
}

/** Writes the port into a sockaddr_in or sockaddr_in6. */
export function setSockaddrPort(sockaddr: Buffer, port: number): void {
  sockaddr[2] = port >> 8;
  sockaddr[3] = port & 0xff;
}
