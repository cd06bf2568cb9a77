/**
 * What most servers do without, or need later, made for a thread whose settings ask for it; else null.
 *
 * Owned by the dispatcher or the acceptor. With `require`, since each thread loads each module anew, and those that are not needed delay the
 * first answer.
 */
import { threadLog } from "../log/log.ts";
import { Waker } from "../net/waker.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import type * as AccessLogs from "./access-log.ts";
import type { Clients } from "./clients.ts";
import type * as Counts from "./connection-count.ts";
import type { DispatcherSettings } from "./dispatcher-settings.ts";
import type * as Own from "./own-paths.ts";
import { admissionOf, type ServerMemory } from "./server-memory.ts";

/** The access log. */
export function accessLogOf(
  settings: DispatcherSettings,
  counters: Float64Array,
): AccessLogs.AccessLog | null {
  if (settings.accessLog === null) return null;
  const { AccessLog } = require("./access-log.ts") as typeof AccessLogs;
  return new AccessLog(settings.accessLog, counters);
}

/** The count of connections, for a dispatcher and for the acceptor, which has no waker to give. */
export function connectionCountOf(
  memory: ServerMemory,
  proxies: readonly string[] | null,
  acceptorWakerFd: number | null,
): Counts.ConnectionCount | null {
  const admission = admissionOf(memory);
  if (admission === null) return null;
  const { ConnectionCount } = require("./connection-count.ts") as typeof Counts;
  const acceptor = acceptorWakerFd === null ? null : Waker.attach(acceptorWakerFd);
  return new ConnectionCount(admission, proxies, acceptor);
}

/** The paths that the server answers itself. */
export function ownPathsOf(settings: DispatcherSettings, control: ControlBlock): Own.OwnPaths | null {
  if (settings.ownPaths === null) return null;
  const { OwnPaths } = require("./own-paths.ts") as typeof Own;
  return new OwnPaths(settings.ownPaths, settings.memory, control);
}

/** Loads what runs handlers, then the handlers; `onSettled` is called when nothing is waited for any more. */
export async function loadHosting(
  settings: DispatcherSettings,
  control: ControlBlock,
  clients: Clients,
  onSettled: () => void,
): Promise<void> {
  try {
    const { hostHandlers } = await import("./hosting.ts");
    await hostHandlers(settings, control, clients, onSettled);
  } catch (error) {
    threadLog().error("hosting-failed", "a dispatcher could not load what runs handlers", { error });
    onSettled();
  }
}
