/**
 * From a host name to the addresses that a listener may bind to.
 *
 * Called by the thread that opens a listener, during set-up: getaddrinfo blocks, for seconds when a name server is
 * slow, exactly as in Bun. Knows nothing of sockets.
 *
 * The resolver understands numeric addresses too (`127.1`, `0`, `::1`), and `localhost` is looked up like any name. What no
 * host name can be is refused before it is asked, with the error that Bun has for it.
 * Source: getaddrinfo(3), RFC 1123 section 2.1 (length limits); the set of characters was measured on Bun 1.4.5, which takes
 * `_` and `*` anywhere and, because it parses them as URLs, some accidents (`a@b`, `a/b`, `?b`) that are refused here.
 */
import { AF_INET, AF_INET6 } from "../../ffi/constants.ts";
import { SyscallError } from "../../ffi/errno.ts";
import { lookUpAddresses } from "../../ffi/getaddrinfo.ts";
import { sockaddrFamily } from "../../ffi/layout.ts";
import type { NativeBuffer } from "../../ffi/native-buffer.ts";

const MAX_NAME_LENGTH = 253;
const MAX_LABEL_LENGTH = 63;
const LABEL = /^[A-Za-z0-9_*\u00a0-\u{10ffff}-]+$/u;
const IPV6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%.*)?$/;
/** Bun puts the resolver's own number for ENOTFOUND here (c-ares, ARES_ENOTFOUND). */
const ENOTFOUND_NUMBER = 4;

/**
 * Looks a host name up and gives the sockaddrs to try, IPv6 before IPv4 as Bun does, each with port 0. Brackets around an
 * IPv6 address are taken off. Blocks. An empty array means that the name is well formed but not known.
 * @throws SyscallError `getaddrinfo ENOTFOUND name` when it cannot be a host name at all.
 */
export function resolveHost(hostname: string): NativeBuffer[] {
  const name = /^\[.*:.*\]$/s.test(hostname) ? hostname.slice(1, -1) : hostname;
  if (!isHostName(name)) {
    throw new SyscallError(`getaddrinfo ENOTFOUND ${hostname}`, {
      code: "ENOTFOUND",
      syscall: "getaddrinfo",
      hostname,
      errno: ENOTFOUND_NUMBER,
    });
  }
  const found = lookUpAddresses(name);
  if (typeof found === "number") return [];
  const ofFamily = (family: number) => found.filter((sockaddr) => sockaddrFamily(sockaddr.bytes) === family);
  return [...ofFamily(AF_INET6), ...ofFamily(AF_INET)];
}

function isHostName(name: string): boolean {
  // Two colons at least: one alone would be "host:port".
  if (name.indexOf(":") !== name.lastIndexOf(":")) return IPV6.test(name);
  const relative = name.endsWith(".") ? name.slice(0, -1) : name;
  if (relative.length === 0 || relative.length > MAX_NAME_LENGTH) return false;
  return relative.split(".").every((label) => label.length <= MAX_LABEL_LENGTH && LABEL.test(label));
}
