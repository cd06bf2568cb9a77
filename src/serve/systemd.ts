/**
 * What a service manager such as systemd gives a process and wants to hear from it: sockets, and when it is ready.
 *
 * Main thread. Sockets: LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, sd_listen_fds(3). Readiness: NOTIFY_SOCKET, sd_notify(3);
 * READY=1 when every server that was started takes requests, STOPPING=1 when the last one begins to stop. A manager that does not
 * read, as one that is busy starting others, is told again after a while: a unit of Type=notify that was not heard is given up by it.
 */
import type { Log } from "../log/log.ts";
import { type BoundAddress, inheritedAddress } from "../net/inherited.ts";
import { mayNotifyLater, notifyFailureName, notifyManager } from "../net/notify.ts";

/** The first descriptor that is handed over, sd_listen_fds(3). */
const FIRST_FD = 3;

/** Pauses between tries to tell the manager something, in ms: the first, the longest, and how many there are: 20 s in all. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1000;
const MOST_TRIES = 26;

/** The environment variables that count. */
export type ServiceVariables = Readonly<Record<string, string | undefined>>;

/** The descriptors that were handed to the process `pid`, with their names; none when they are meant for another. */
export function handedSockets(variables: ServiceVariables, pid: number): { fd: number; name: string }[] {
  if (variables.LISTEN_PID !== String(pid)) return [];
  const count = /^\d{1,5}$/.test(variables.LISTEN_FDS ?? "") ? Number(variables.LISTEN_FDS) : 0;
  const names = (variables.LISTEN_FDNAMES ?? "").split(":");
  return Array.from({ length: count }, (_, index) => ({
    fd: FIRST_FD + index,
    name: names[index] || "unknown",
  }));
}

/** Where options want to listen. */
export interface WantedAddress {
  readonly port: number;
  readonly hostname: string | undefined;
  readonly unix: string | undefined;
}

/** Finds the descriptor that was handed over for the address that options name; -1 when there is none. */
export function handedSocketFor(
  wanted: WantedAddress,
  handed: readonly { fd: number }[],
  addressOf: (fd: number) => BoundAddress | number = inheritedAddress,
): number {
  const found = handed.find(({ fd }) => {
    const bound = addressOf(fd);
    if (typeof bound === "number") return false;
    if (wanted.unix !== undefined || typeof bound === "string") return bound === wanted.unix;
    return bound.port === wanted.port && isHostOf(wanted.hostname, bound.address);
  });
  return found?.fd ?? -1;
}

function isHostOf(hostname: string | undefined, address: string): boolean {
  if (hostname === undefined || hostname === address) return true;
  return hostname === "localhost" && (address === "127.0.0.1" || address === "::1");
}

/** Tells the service manager how the servers of a process are. */
export class ServiceManager {
  readonly #path: string | undefined;
  readonly #send: (path: string, message: string) => number;
  #starting = 0;
  #running = 0;
  #isToldReady = false;
  /** What is still to be told, in this order. */
  readonly #messages: { text: string; log: Log }[] = [];
  #tries = 0;

  /** @param path of NOTIFY_SOCKET; without it nobody wants to hear */
  constructor(path: string | undefined, send: (path: string, message: string) => number = notifyManager) {
    this.#path = path || undefined;
    this.#send = send;
  }

  /** A server starts. */
  starts(): void {
    this.#starting++;
    this.#running++;
  }

  /** A server, whose log this is, takes requests. */
  ready(log: Log): void {
    this.#starting--;
    if (this.#starting > 0 || this.#isToldReady) return;
    this.#isToldReady = true;
    this.#tell("READY=1", log);
  }

  /** A server begins to stop; `wasReady` says whether it had taken requests. */
  stopping(wasReady: boolean, log: Log): void {
    if (!wasReady) this.#starting--;
    if (--this.#running === 0) this.#tell("STOPPING=1", log);
  }

  #tell(text: string, log: Log): void {
    if (this.#path === undefined) return;
    this.#messages.push({ text, log });
    if (this.#messages.length === 1) this.#deliver(this.#path);
  }

  #deliver(path: string): void {
    for (let message = this.#messages[0]; message !== undefined; message = this.#messages[0]) {
      const result = this.#send(path, message.text);
      this.#tries++;
      if (mayNotifyLater(result) && this.#tries < MOST_TRIES) {
        const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#tries - 1));
        setTimeout(() => this.#deliver(path), pauseMs).unref();
        return;
      }
      // A manager that has gone away is no reason to fail.
      if (result < 0) {
        const errno = notifyFailureName(result);
        const text = `the service manager at ${path} could not be told ${message.text}: ${errno}`;
        message.log.warn("notify-failed", text, { errno, path, state: message.text });
      }
      this.#messages.shift();
      this.#tries = 0;
    }
  }
}

/** That of this process. */
export const serviceManager: ServiceManager = new ServiceManager(process.env.NOTIFY_SOCKET);
