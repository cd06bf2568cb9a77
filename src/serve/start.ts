/**
 * Starts a server with resolved options on a socket that listens: its memory, its threads.
 *
 * Runs on the thread that called `serve()`, and is loaded then.
 */
import { HTTPServer } from "../fetch/server-object.ts";
import type { Listener } from "../net/listener.ts";
import type { OwnPathSettings } from "../roles/own-paths.ts";
import { allocateServerMemory } from "../roles/server-memory.ts";
import { Supervisor, type SupervisorSettings } from "../roles/supervisor.ts";
import type { ServerFacts } from "../roles/thread-server-state.ts";
import { allocateAdmission } from "../shm/admission.ts";
import type * as AccessLogFile from "./access-log-file.ts";
import { readEnvironment } from "./environment.ts";
import { MainServerState } from "./main-server-state.ts";
import { type ResolvedOptions, resolveOptions } from "./options.ts";
import { logOf, mergeOptions, registrationOf } from "./registration-of.ts";
import { sentEntries } from "./routes.ts";
import { gracefulSignals } from "./signals.ts";
import { serviceManager } from "./systemd.ts";

/** With `require`, since most servers have none, and the module and what it needs take 3 ms to load. */
function openedAccessLog(file: string | null): AccessLogFile.OpenedAccessLog {
  return (require("./access-log-file.ts") as typeof AccessLogFile).openAccessLog(file);
}

/**
 * Starts a server on a socket that listens.
 *
 * @param serverIndex which `serve()` call of the program this is
 * @param registrar URL of the module that registers handlers on other threads (`setRegistrar`)
 */
export function startOn(
  listener: Listener,
  resolved: ResolvedOptions,
  serverIndex: number,
  registrar: string,
): HTTPServer {
  const { threads, limits, mode, observe } = resolved;
  // As node:os has it, which takes 1 ms to load.
  const processors = navigator.hardwareConcurrency || 1;
  const accessLog = observe.accessLog === null ? null : openedAccessLog(observe.accessLog.file);
  const memory = allocateServerMemory(
    threads.dispatchers,
    mode === "main" ? 0 : threads.max,
    allocateAdmission(limits.connections, limits.connectionsPerAddress),
  );
  const facts = factsOf(listener, resolved);
  const state = new MainServerState(facts, memory, resolved.fetch);
  const server = new HTTPServer(state);
  const registration = mode === "module" ? null : registrationOf(resolved, server, false);
  const settings: SupervisorSettings = {
    memory,
    listener,
    unreadyMs: resolved.health.delayMs,
    log: logOf(resolved),
    whenFull: limits.whenFull,
    dispatcher: {
      limits: limits.parser,
      times: limits,
      pipelined: limits.pipelined,
      requestsPerConnection: limits.requestsPerConnection,
      maxBodyBytes: resolved.maxRequestBodyBytes,
      idleTimeoutMs: resolved.idleTimeoutSeconds * 1000,
      isTimeoutTold: resolved.isDevelopment && !resolved.isIdleTimeoutGiven,
      balance: threads.balance,
      maxBacklog: threads.maxBacklogTasks,
      ownPaths: ownPathsOf(resolved),
      proxies: resolved.proxies,
      accessLog: accessLog && { target: accessLog.target, format: observe.accessLog?.format ?? "combined" },
      handlerTimeoutMs: threads.handlerTimeoutMs,
      maxBacklogBytes: limits.backlogBytes,
      isInlineAllowed: mode !== "main" && threads.isInlineAllowed,
      areKindsKept: mode !== "main" && (threads.isInlineAllowed || threads.balance === "bounded"),
      heavyLimit: Math.max(1, Math.ceil(processors / threads.dispatchers)),
      handlerProcessors: Math.max(1, processors - threads.dispatchers),
      routes:
        resolved.resolvedRoutes === null
          ? null
          : { entries: sentEntries(resolved.resolvedRoutes), hasFetch: resolved.fetch !== null },
    },
    pool:
      mode === "main"
        ? null
        : {
            min: threads.min,
            max: threads.max,
            retireAfterMs: threads.retireAfterMs,
            handlerTimeoutMs: threads.handlerTimeoutMs,
            startTimeoutMs: threads.startTimeoutMs ?? startTimeoutMs(performance.now()),
            thread: {
              module: mode === "module" ? (resolved.moduleUrl as string) : Bun.main,
              isOptionsModule: mode === "module",
              serverIndex,
              facts,
              registrar,
              registerWithinMs: registerWithinMs(performance.now()),
            },
          },
    registration,
  };
  const supervisor = new Supervisor(settings);
  if (accessLog !== null) void supervisor.whenEnded.then(() => accessLog[Symbol.dispose]());
  state.supervisor = supervisor;
  state.server = server;
  let current: object = {
    fetch: resolved.fetch ?? undefined,
    error: resolved.error ?? undefined,
    routes: resolved.routes ?? undefined,
    ...(mode === "module" ? { handlers: resolved.moduleUrl } : {}),
  };
  state.register = (given) => {
    const options = resolveOptions(mergeOptions(current, given), readEnvironment());
    // What is not given stays as it is.
    current = { ...current, fetch: options.fetch ?? undefined, error: options.error ?? undefined };
    if (options.routes !== null) current = { ...current, routes: options.routes };
    return registrationOf({ ...options, isDevelopment: resolved.isDevelopment }, server, true);
  };
  supervisor.start();
  serviceManager.starts();
  let isReady = false;
  void supervisor.whenReady.then(() => {
    isReady = true;
    serviceManager.ready(supervisor.log);
  });
  void supervisor.whenStopping.then(() => serviceManager.stopping(isReady, supervisor.log));
  if (threads.gracefulSignals !== null) {
    gracefulSignals.add(supervisor, threads.gracefulSignals);
    void supervisor.whenEnded.then(() => gracefulSignals.remove(supervisor));
  }
  return server;
}

/**
 * How long a handler thread waits for the `serve()` call of a program that makes it after its module was evaluated, in a
 * timer or a promise that nobody awaits, in milliseconds.
 *
 * @param startedMs how long this process took to come to the call
 */
export function registerWithinMs(startedMs: number): number {
  return Math.min(3000, 250 + 3 * startedMs);
}

/**
 * How long a thread may take to load the module of its handlers by default, in milliseconds: in pool mode that module is the
 * program, which may do much before it calls `serve()`.
 *
 * @param startedMs how long this process took to come to the call
 */
export function startTimeoutMs(startedMs: number): number {
  return Math.min(300_000, Math.max(30_000, 4 * startedMs));
}

/** What the server answers itself; null when that is nothing. */
function ownPathsOf({ observe, health, threads, mode }: ResolvedOptions): OwnPathSettings | null {
  const { metricsPath: metrics, pagePath: page } = observe;
  const paths = { metrics, page, live: health.livePath, ready: health.readyPath };
  if (Object.values(paths).every((path) => path === null)) return null;
  return { ...paths, isReadyWithoutHandlers: mode !== "main" && threads.min === 0 };
}

function factsOf(listener: Listener, resolved: ResolvedOptions): ServerFacts {
  const isTcp = listener.kind === "tcp";
  const hostname = isTcp ? (resolved.hostname ?? "localhost") : undefined;
  return {
    port: isTcp ? listener.port : undefined,
    hostname,
    url: urlOf(listener, hostname),
    address: listener.address,
    isDevelopment: resolved.isDevelopment,
    id: resolved.id,
  };
}

function urlOf(listener: Listener, hostname: string | undefined): string {
  const path = listener.address;
  if (typeof path === "string") {
    return listener.kind === "abstract" ? `abstract://${path.slice(1)}/` : `unix://${path}`;
  }
  const host = hostname?.includes(":") ? `[${hostname}]` : hostname;
  return `http://${host}:${listener.port}/`;
}
