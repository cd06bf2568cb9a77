/**
 * The server as the thread that called `serve()` sees it.
 */
import type { Registration } from "../fetch/registration.ts";
import type { AddressInfo, HTTPServer, ServerState } from "../fetch/server-object.ts";
import { formatPeer } from "../net/address.ts";
import type * as Metrics from "../roles/metrics.ts";
import { controlOf, type ServerMemory } from "../roles/server-memory.ts";
import type * as Stats from "../roles/stats.ts";
import type { Supervisor } from "../roles/supervisor.ts";
import type { ServerFacts } from "../roles/thread-server-state.ts";
import type { ControlBlock } from "../shm/control-block.ts";

/** State of the Server object on the main thread. */
export class MainServerState implements ServerState {
  readonly hostname: string | undefined;
  readonly address: AddressInfo | string | null;
  readonly isDevelopment: boolean;
  readonly id: string;
  readonly #facts: ServerFacts;
  readonly #memory: ServerMemory;
  readonly #control: ControlBlock;
  #url: URL;
  fetch: ServerState["fetch"];
  /** Set right after construction: supervisor and Server object need each other. */
  supervisor!: Supervisor;
  /** Checks the options given to `reload` and makes them a registration; where there is no `fetch`, the old one stays. */
  register!: (options: unknown) => Registration;
  server!: HTTPServer;

  constructor(facts: ServerFacts, memory: ServerMemory, fetch: ServerState["fetch"]) {
    this.#facts = facts;
    this.#memory = memory;
    this.#control = controlOf(memory);
    this.#url = new URL(facts.url);
    this.hostname = facts.hostname;
    this.address = facts.address;
    this.isDevelopment = facts.isDevelopment;
    this.id = facts.id;
    this.fetch = fetch;
  }

  get port(): number | undefined {
    if (this.#facts.port === undefined) return undefined;
    return this.supervisor.isRunning ? this.#facts.port : 0;
  }

  get url(): URL {
    if (!this.supervisor.isRunning && this.#facts.port !== undefined && this.#url.port !== "0") {
      this.#url = new URL(this.#facts.url.replace(/:\d+\/$/, ":0/"));
    }
    return this.#url;
  }

  get pendingRequests(): number {
    return this.#control.pendingRequests;
  }

  stop(isForced: boolean): Promise<void> {
    return this.supervisor.stop(isForced);
  }

  closeIdle(): number {
    return this.supervisor.closeIdle();
  }

  ref(): void {
    this.supervisor.ref();
  }

  unref(): void {
    this.supervisor.unref();
  }

  reload(options: unknown): void {
    // Handler threads load their module again, which is where their handlers come from.
    const registration = this.register(options);
    this.supervisor.replace(registration);
    this.fetch = registration.fetch;
  }

  stats(): object {
    return (require("../roles/stats.ts") as typeof Stats).readStats(this.#memory, this.#control);
  }

  metrics(): string {
    return (require("../roles/metrics.ts") as typeof Metrics).metricsText(this.#memory, this.#control);
  }

  formatPeer(words: Int32Array, index: number): AddressInfo | null {
    return formatPeer(words, index);
  }
}
