/**
 * The listening socket of a server: opened, or taken over from whoever started this process.
 *
 * Runs on the thread that called `serve()`, and is loaded then.
 */
import { adoptListener } from "../net/inherited.ts";
import { type Listener, openListener } from "../net/listener.ts";
import { fdNamed } from "./fd-option.ts";
import type { ResolvedOptions } from "./options.ts";
import { handedSocketFor, handedSockets } from "./systemd.ts";

/** Descriptors that were handed to this process and taken by a server; their numbers may be other sockets' by now. */
const takenFds = new Set<number>();

/** The socket that a server is to listen on. @throws the errors of `openListener` */
export function listenerOf(resolved: ResolvedOptions): Listener {
  const handed = handedSockets(process.env, process.pid).filter(({ fd }) => !takenFds.has(fd));
  const given = typeof resolved.fd === "string" ? fdNamed(resolved.fd, handed) : resolved.fd;
  const fd = given ?? handedSocketFor(resolved, handed);
  if (fd >= 0) {
    const listener = adoptListener(fd);
    takenFds.add(fd);
    return listener;
  }
  return openListener({
    port: resolved.port,
    reusePort: resolved.reusePort,
    ipv6Only: resolved.ipv6Only,
    ...(resolved.hostname === undefined ? {} : { hostname: resolved.hostname }),
    ...(resolved.unix === undefined ? {} : { unix: resolved.unix }),
  });
}
