/**
 * What the clients of a dispatcher are held to, and who answers them; the same for all dispatchers of a server.
 */
import type { ParserLimits } from "../http/limits.ts";
import type { ClientTimes } from "./deadlines.ts";
import type { OwnAcceptSettings } from "./own-accepts.ts";
import type { RouteSettings } from "./route-stage.ts";

/** Limits and times that clients are held to. */
export interface ClientSettings {
  readonly limits: ParserLimits;
  readonly maxBodyBytes: number;
  /** 0 for none. */
  readonly idleTimeoutMs: number;
  /** Whether the first request that times out is told of on standard error. */
  readonly isTimeoutTold: boolean;
  /** All other times and rates. */
  readonly times: ClientTimes;
  /** Requests of one client that may be in flight; then reading pauses. */
  readonly pipelined: number;
  /** Requests that one connection may make. */
  readonly requestsPerConnection: number;
  /** Routes, or null when there are none, or only the handlers know them. */
  readonly routes: RouteSettings | null;
  /** Whose connections begin with a header of the PROXY protocol; null for nobody's. */
  readonly proxies: readonly string[] | null;
  /** Whether short requests may run in the dispatcher. */
  readonly isInlineAllowed: boolean;
  /** How dispatchers accept clients themselves; null where they do not. */
  readonly ownAccepts: OwnAcceptSettings | null;
  /** Whether it is measured how long the kinds of requests run. */
  readonly areKindsKept: boolean;
}
