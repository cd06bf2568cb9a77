/** What a dispatcher is told when it starts: the type only, as it travels in `workerData`. */
import type { AccessLogSettings } from "./access-log.ts";
import type { ClientSettings } from "./client-settings.ts";
import type { HandlerModuleSettings } from "./handler-thread.ts";
import type { OwnPathSettings } from "./own-paths.ts";
import type { Balance } from "./scheduler.ts";
import type { ServerMemory } from "./server-memory.ts";

/** What a dispatcher needs to run handlers. */
export interface HostingSettings {
  readonly module: HandlerModuleSettings;
  /** The eventfds of all dispatchers. */
  readonly wakerFds: readonly number[];
  /** Milliseconds that loading the module may take; Infinity for ever. */
  readonly startTimeoutMs: number;
}

/** What is the same for all dispatchers of a server and does not come from the supervisor. */
export type DispatcherOptions = Omit<
  DispatcherSettings,
  "index" | "isSuccessor" | "memory" | "wakerFd" | "acceptorWakerFd" | "hosting" | "ownAccepts"
>;

/** What a dispatcher is told when it starts. */
export interface DispatcherSettings extends ClientSettings {
  readonly index: number;
  /** Whether it takes the place of a dispatcher that has ended. */
  readonly isSuccessor: boolean;
  readonly memory: ServerMemory;
  /** Its eventfd. */
  readonly wakerFd: number;
  /** The acceptor's eventfd, written when it waits for a connection to be closed. */
  readonly acceptorWakerFd: number;
  readonly balance: Balance;
  readonly maxBacklog: number;
  readonly maxBacklogBytes: number;
  /** Paths that the server answers itself; null without any. */
  readonly ownPaths: OwnPathSettings | null;
  /** The access log; null without one. */
  readonly accessLog: AccessLogSettings | null;
  /** Milliseconds from the start of a handler to the first byte of its answer; Infinity for no limit. */
  readonly handlerTimeoutMs: number;
  /** Tasks that compute for long that it lets run at once: its share of the processors. */
  readonly heavyLimit: number;
  /** Handler threads that can run at once beside the dispatchers, at least 1. */
  readonly handlerProcessors: number;
  /** The handlers that this thread may run itself; null when it runs none. */
  readonly hosting: HostingSettings | null;
}
