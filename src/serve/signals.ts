/**
 * `threads.gracefulSignals`: SIGTERM and SIGINT stop the servers of this process that asked for it, then end the process.
 *
 * Lives on the main thread, where signals are delivered. All such servers stop at once; the process ends with 0 when the
 * last of them has. What is still in flight after a server's grace period is cut off, which the log says. A
 * second signal, of either kind, ends the process at once with 128 + its number, as a shell shows a process that was killed.
 */
import type { Log } from "../log/log.ts";
import type { ResolvedSignals } from "./signal-options.ts";

/** What a signal does to a server. */
export interface SignalledServer {
  /** Requests that are in flight. */
  readonly pendingRequests: number;
  readonly log: Log;
  /** Stops; clients without a request have `idleMs` to send one. Resolves when the server is gone. */
  stop(isForced: boolean, idleMs: number): Promise<void>;
}

/** What this file needs of the process. */
export interface SignalledProcess {
  on(signal: NodeJS.Signals, listener: () => void): void;
  removeListener(signal: NodeJS.Signals, listener: () => void): void;
  exit(code: number): void;
}

const SIGNALS: readonly (readonly [name: NodeJS.Signals, number: number])[] = [
  ["SIGTERM", 15],
  ["SIGINT", 2],
];

/** The servers of a process that end on signals. */
export class GracefulSignals {
  readonly #process: SignalledProcess;
  readonly #servers: Map<SignalledServer, ResolvedSignals> = new Map();
  readonly #listeners: readonly (readonly [NodeJS.Signals, () => void])[];
  #isStopping = false;

  constructor(process: SignalledProcess) {
    this.#process = process;
    this.#listeners = SIGNALS.map(([name, number]) => [name, () => this.#onSignal(number)]);
  }

  /** Signals stop this server from now on, until it is removed. */
  add(server: SignalledServer, signals: ResolvedSignals): void {
    if (this.#servers.size === 0) {
      for (const [name, listener] of this.#listeners) this.#process.on(name, listener);
    }
    this.#servers.set(server, signals);
  }

  /** A server has stopped by itself. Without any, signals do again what they did before. */
  remove(server: SignalledServer): void {
    if (!this.#servers.delete(server) || this.#servers.size > 0 || this.#isStopping) return;
    for (const [name, listener] of this.#listeners) this.#process.removeListener(name, listener);
  }

  #onSignal(number: number): void {
    if (this.#isStopping) {
      this.#process.exit(128 + number);
      return;
    }
    this.#isStopping = true;
    const stops = [...this.#servers].map(([server, signals]) => this.#stop(server, signals));
    void Promise.all(stops).then(() => this.#process.exit(0));
  }

  async #stop(server: SignalledServer, { graceMs, idleMs }: ResolvedSignals): Promise<void> {
    const timer = setTimeout(() => {
      const count = server.pendingRequests;
      if (count > 0) {
        const message = `${count} requests were not answered within ${graceMs} ms and are cut off`;
        server.log.error("requests-cut", message, { count, graceMs });
      }
      void server.stop(true, 0);
    }, graceMs);
    await server.stop(false, idleMs);
    clearTimeout(timer);
  }
}

/** Those of this process. */
export const gracefulSignals: GracefulSignals = new GracefulSignals(process);
