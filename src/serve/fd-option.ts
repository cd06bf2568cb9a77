/**
 * Checks `fd`: a listening socket that the process was started with, in place of `port`, `hostname` or `unix`.
 *
 * Runs on the thread that called `serve()`, once per call. What is not accepted is a TypeError that names the option, what
 * is accepted and what was given.
 */
import { fdWithAddress, optionOfWrongType, unknownHandedSocket } from "./errors.ts";

/**
 * Checks `fd`.
 *
 * @param address `hostname` or `unix`, whichever was given
 * @returns the descriptor, the name under which a service manager hands it over, or null when there is none
 */
export function resolveFd(given: unknown, address: string | undefined): number | string | null {
  if (given === undefined) return null;
  const isNumber = Number.isInteger(given) && (given as number) >= 0 && (given as number) < 2 ** 31;
  if (!isNumber && (typeof given !== "string" || given === "")) {
    throw optionOfWrongType("fd", "a descriptor, or the name of a socket as in LISTEN_FDNAMES", given);
  }
  if (address !== undefined) throw fdWithAddress(address);
  return given as number | string;
}

/** Finds the descriptor with a name among those that were handed over. @throws TypeError when there is none */
export function fdNamed(name: string, handed: readonly { fd: number; name: string }[]): number {
  const found = handed.find((socket) => socket.name === name);
  if (found === undefined)
    throw unknownHandedSocket(
      name,
      handed.map((socket) => socket.name),
    );
  return found.fd;
}
