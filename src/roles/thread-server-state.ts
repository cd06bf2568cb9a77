/**
 * The server as a handler thread sees it: facts that do not change, and the control block for those that do.
 */
import type { AddressInfo, ServerState } from "../fetch/server-object.ts";
import { formatPeer } from "../net/address.ts";
import { Waker } from "../net/waker.ts";
import { type ControlBlock, SERVER_CLOSED, SERVER_DRAINING, SERVER_RUNNING } from "../shm/control-block.ts";
import { closeIdleClients, type OwnIdle } from "./close-idle.ts";
import type * as Metrics from "./metrics.ts";
import { controlOf, type ServerMemory } from "./server-memory.ts";
import type * as Stats from "./stats.ts";

/** What of a server is known when its threads start. */
export interface ServerFacts {
  readonly port: number | undefined;
  readonly hostname: string | undefined;
  readonly url: string;
  readonly address: AddressInfo | string;
  readonly isDevelopment: boolean;
  readonly id: string;
}

/** State of the Server object on a thread that runs handlers and is not the main one. */
export class ThreadServerState implements ServerState {
  readonly hostname: string | undefined;
  readonly isDevelopment: boolean;
  readonly id: string;
  readonly #memory: ServerMemory;
  readonly #control: ControlBlock;
  readonly #facts: ServerFacts;
  readonly #dispatcherWakers: readonly Waker[];
  #url: URL | null = null;
  fetch: ServerState["fetch"] = null;
  /** Throws for options that `reload` does not take. */
  checkReload: ((options: unknown) => void) | null = null;
  /** Whether the program has been loaded on this thread. What it does while it is, main has done already. */
  isLoaded = false;
  #stopped: Promise<void> | null = null;
  readonly #ownIdle: OwnIdle | null;

  constructor(
    memory: ServerMemory,
    facts: ServerFacts,
    dispatcherWakerFds: readonly number[] = [],
    ownIdle: OwnIdle | null = null,
  ) {
    this.#memory = memory;
    this.#control = controlOf(memory);
    this.#ownIdle = ownIdle;
    this.#dispatcherWakers = dispatcherWakerFds.map((fd) => Waker.attach(fd));
    this.#facts = facts;
    this.hostname = facts.hostname;
    this.isDevelopment = facts.isDevelopment;
    this.id = facts.id;
  }

  get port(): number | undefined {
    if (this.#facts.port === undefined) return undefined;
    return this.#control.serverState === SERVER_RUNNING ? this.#facts.port : 0;
  }

  get url(): URL {
    this.#url ??= new URL(this.#facts.url);
    return this.#url;
  }

  get address(): AddressInfo | string | null {
    return this.#facts.address;
  }

  get pendingRequests(): number {
    return this.#control.pendingRequests;
  }

  stop(isForced: boolean): Promise<void> {
    this.#control.requestStop(isForced ? SERVER_CLOSED : SERVER_DRAINING);
    this.#wakeSupervisor();
    this.#stopped ??= this.#control.whenClosed();
    return this.#stopped;
  }

  closeIdle(): number {
    return closeIdleClients(this.#control, this.#dispatcherWakers, this.#ownIdle);
  }

  ref(): void {
    this.#reference(true);
  }

  unref(): void {
    this.#reference(false);
  }

  #reference(isWanted: boolean): void {
    // A thread that comes later must not undo what main has done since.
    if (!this.isLoaded) return;
    this.#control.requestReference(isWanted);
    this.#wakeSupervisor();
  }

  /** Has all handler threads replaced by new ones, which load the module as it is now. */
  reload(options: unknown): void {
    this.checkReload?.(options);
    this.#control.requestReload();
    this.#wakeSupervisor();
  }

  #wakeSupervisor(): void {
    const supervisor = this.#control.supervisorParker();
    if (supervisor.needsWake()) supervisor.notify();
  }

  metrics(): string {
    return (require("./metrics.ts") as typeof Metrics).metricsText(this.#memory, this.#control);
  }

  stats(): object {
    return (require("./stats.ts") as typeof Stats).readStats(this.#memory, this.#control);
  }

  formatPeer(words: Int32Array, index: number): AddressInfo | null {
    return formatPeer(words, index);
  }
}
