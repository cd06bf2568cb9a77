/**
 * Checks `proxyProtocol`: from whom connections begin with a header of the PROXY protocol.
 *
 * Runs on the thread that called `serve()`, once per call. What is not accepted is a TypeError that names the option, what
 * is accepted and what was given.
 */
import { AddressSet } from "../net/address-set.ts";
import { optionOfWrongType, unknownOption } from "./errors.ts";

/** Who speaks the PROXY protocol, versions 1 and 2, to this server. */
export interface ProxyProtocolOptions {
  /**
   * The proxies: addresses (`"192.0.2.1"`, `"2001:db8::1"`), blocks (`"10.0.0.0/8"`), and `"unix"` for all peers of a unix
   * socket. Their connections must begin with the header, which says what `server.requestIP` gives; others are closed. All
   * other peers speak HTTP from the first byte on, and a header of theirs is a malformed request.
   */
  from: readonly string[];
}

const NAMES = ["from"] as const;
const ACCEPTED =
  'a list of addresses, blocks such as "10.0.0.0/8" (no bits set behind the prefix) and "unix", with one at least';

/** Checks `proxyProtocol`; gives the entries of `from`, or null when it is off. @throws TypeError */
export function resolveProxyProtocol(given: unknown): readonly string[] | null {
  if (given === undefined || given === false) return null;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw optionOfWrongType("proxyProtocol", "an object with `from`, or false", given);
  }
  for (const name of Object.keys(given)) {
    if (!(NAMES as readonly string[]).includes(name)) throw unknownOption("proxyProtocol", name, NAMES);
  }
  const { from } = given as { from?: unknown };
  if (!Array.isArray(from) || from.length === 0) {
    throw optionOfWrongType("proxyProtocol.from", ACCEPTED, from);
  }
  const set = new AddressSet();
  from.forEach((entry: unknown, index) => {
    if (typeof entry === "string" && set.add(entry)) return;
    throw optionOfWrongType(`proxyProtocol.from[${index}]`, 'an address, a block or "unix"', entry);
  });
  return Object.freeze([...(from as string[])]);
}
