/**
 * The C library's resolver as a function from a name to sockaddrs.
 *
 * Any thread, for set-up only: it blocks while files and name servers are asked, and it allocates. It judges nothing; which
 * names are sensible and which address is tried first is decided above. Source: getaddrinfo(3).
 */
import { type Pointer, read } from "bun:ffi";
import { AI_PASSIVE, SOCK_STREAM } from "./constants.ts";
import {
  ADDRINFO_ADDRESS_LENGTH_OFFSET,
  ADDRINFO_ADDRESS_OFFSET,
  ADDRINFO_FLAGS_OFFSET,
  ADDRINFO_NEXT_OFFSET,
  ADDRINFO_SIZE_BYTES,
  ADDRINFO_SOCKTYPE_OFFSET,
} from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native-buffer.ts";

/**
 * Looks up the addresses that a stream socket for `name` may be bound to, in the resolver's order. Blocks.
 * @returns copies of the sockaddrs (sockaddr_in or sockaddr_in6, port 0), or the resolver's error code when it has none:
 * a number other than 0, negative on Linux (EAI_NONAME is -2).
 */
export function lookUpAddresses(name: string): NativeBuffer[] | number {
  const node = NativeBuffer.cString(name);
  const hints = NativeBuffer.allocate(ADDRINFO_SIZE_BYTES);
  hints.bytes.writeInt32LE(AI_PASSIVE, ADDRINFO_FLAGS_OFFSET);
  hints.bytes.writeInt32LE(SOCK_STREAM, ADDRINFO_SOCKTYPE_OFFSET);
  const result = NativeBuffer.allocate(8);
  const code = libc.getaddrinfo(node.address, 0, hints.address, result.address);
  if (code !== 0) return code;
  const list = read.ptr(result.address as unknown as Pointer, 0);
  const found: NativeBuffer[] = [];
  for (let entry = list; entry !== 0; entry = read.ptr(entry as unknown as Pointer, ADDRINFO_NEXT_OFFSET)) {
    const info = entry as unknown as Pointer;
    const source = read.ptr(info, ADDRINFO_ADDRESS_OFFSET) as unknown as Pointer;
    const sockaddr = NativeBuffer.allocate(read.u32(info, ADDRINFO_ADDRESS_LENGTH_OFFSET));
    for (let index = 0; index < sockaddr.length; index++) sockaddr.bytes[index] = read.u8(source, index);
    found.push(sockaddr);
  }
  libc.freeaddrinfo(list);
  return found;
}
