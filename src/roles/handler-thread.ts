/**
 * A handler thread from its start: loads the user's module, then runs its handlers until it is asked to retire.
 */
import { HandlerLink } from "../channel/handler-link.ts";
import {
  enterHandlerThread,
  handlerThreadContext,
  hasRegistrar,
  type Registration,
  registerExport,
  type ThreadContext,
} from "../fetch/registration.ts";
import { installResponseNotes } from "../fetch/response-notes.ts";
import { HandlerRuntime } from "../fetch/runtime.ts";
import { HTTPServer } from "../fetch/server-object.ts";
import { Waker } from "../net/waker.ts";
import {
  type ControlBlock,
  HANDLER_READY,
  HANDLER_RETIRING,
  HANDLER_STARTING,
} from "../shm/control-block.ts";
import type { OwnIdle } from "./close-idle.ts";
import { HandlerLoop } from "./handler-loop.ts";
import { controlOf, handlerCounters, pairOf, type ServerMemory } from "./server-memory.ts";
import { isBundled } from "./thread.ts";
import { exitThread, guardThread } from "./thread-guard.ts";
import { type ServerFacts, ThreadServerState } from "./thread-server-state.ts";
import { keepAlive, tellMain } from "./thread-settings.ts";

/** Where the handlers of a server are found on a thread that runs them. */
export interface HandlerModuleSettings {
  /** URL or path of the module to load. */
  readonly module: string;
  /** Whether the module's default export is the options; otherwise it calls `serve()`. */
  readonly isOptionsModule: boolean;
  /** Which `serve()` call of the module, counted from 0, is this server's. */
  readonly serverIndex: number;
  readonly facts: ServerFacts;
  /** URL of the module that has `serve()`, loaded where the user's module has not done so (`setRegistrar`). */
  readonly registrar: string;
  /** How long a program that made no such call while it was loaded may take to make it, in milliseconds. */
  readonly registerWithinMs: number;
}

/** What a handler thread is told when it starts. */
export interface HandlerThreadSettings extends HandlerModuleSettings {
  readonly memory: ServerMemory;
  readonly slot: number;
  readonly dispatcherWakerFds: readonly number[];
}

/** What a handler thread tells the supervisor. */
export type HandlerThreadMessage = { readonly type: "unregistered" };

/** Links to all dispatchers from one handler slot. */
export function linkHandlers(
  memory: ServerMemory,
  control: ControlBlock,
  slot: number,
  dispatcherWakerFds: readonly number[],
): HandlerLink[] {
  return dispatcherWakerFds.map((fd, index) => {
    const waker = Waker.attach(fd);
    return new HandlerLink(pairOf(memory, index, slot), control.dispatcherParker(index), () => waker.wake());
  });
}

/** What loading the user's module on a thread gave. */
export interface LoadedHandlers {
  readonly registration: Registration;
  readonly state: ThreadServerState;
}

/**
 * Loads the user's module on this thread and finds the handlers of its server there; null when it has none.
 *
 * @param ownIdle closes the idle clients of this thread, where it is a dispatcher
 * @throws what the module throws while it loads
 */
export async function loadHandlers(
  settings: HandlerModuleSettings,
  memory: ServerMemory,
  dispatcherWakerFds: readonly number[],
  ownIdle: OwnIdle | null,
): Promise<LoadedHandlers | null> {
  const control = controlOf(memory);
  installResponseNotes();
  const state = new ThreadServerState(memory, settings.facts, dispatcherWakerFds, ownIdle);
  enterHandlerThread({
    // The module of handlers has one server; its number in the main program means nothing there.
    serverIndex: settings.isOptionsModule ? 0 : settings.serverIndex,
    server: new HTTPServer(state),
    isDevelopment: settings.facts.isDevelopment,
    // Loaded after a reload, it may have other routes than the dispatchers were told.
    findsRoutes: control.areRoutesReplaced || settings.isOptionsModule,
    calls: 0,
    registration: null,
    onRegistered: null,
  });
  const context = handlerThreadContext() as ThreadContext;
  // A bundle is being evaluated, this being a part of it, and import() of it would not always settle (Bun 1.4.5).
  if (isBundled()) await new Promise((resolve) => setImmediate(resolve));
  const exports = (await import(settings.module)) as { default?: unknown };
  const registration = await findRegistration(settings, context, exports.default);
  if (registration === null) return null;
  state.fetch = registration.fetch;
  state.checkReload = registration.checkReload ?? null;
  state.isLoaded = true;
  return { registration, state };
}

/** Loads the module and runs its handlers. Errors while loading end the thread; the supervisor reports them. */
export async function runHandlerThread(settings: HandlerThreadSettings): Promise<void> {
  const { memory, slot } = settings;
  const control = controlOf(memory);
  // A pending Atomics.waitAsync does not keep a Worker alive.
  keepAlive();
  const loaded = await loadHandlers(settings, memory, settings.dispatcherWakerFds, null);
  if (loaded === null) {
    tellMain({ type: "unregistered" } satisfies HandlerThreadMessage);
    return;
  }
  const links = linkHandlers(memory, control, slot, settings.dispatcherWakerFds);
  const parker = control.handlerParker(slot);
  const loop = new HandlerLoop(
    control,
    slot,
    links,
    new HandlerRuntime(loaded.registration),
    handlerCounters(memory, slot),
    () => exitThread(0),
  );
  guardThread({
    retire: () => {
      control.moveHandler(slot, HANDLER_READY, HANDLER_RETIRING);
      if (parker.needsWake()) parker.notify();
    },
  });
  if (!control.moveHandler(slot, HANDLER_STARTING, HANDLER_READY)) {
    exitThread(0);
  }
  for (const link of links) link.notify();
  const supervisor = control.supervisorParker();
  if (supervisor.needsWake()) supervisor.notify();
  loop.start();
}

/** Finds what the module registered; a default export of options is registered here. Null when there is nothing. */
async function findRegistration(
  settings: HandlerModuleSettings,
  context: ThreadContext,
  exported: unknown,
): Promise<Registration | null> {
  // `export default { fetch }`, which Bun serves by itself, after the calls that the module makes.
  const { fetch, stop } = (exported ?? {}) as { fetch?: unknown; stop?: unknown };
  const isAutoServed =
    context.registration === null &&
    context.calls === context.serverIndex &&
    typeof fetch === "function" &&
    typeof stop !== "function";
  if (settings.isOptionsModule || isAutoServed) {
    if (!hasRegistrar()) await import(settings.registrar);
    // In a bundle the main program has made its calls on this thread too.
    context.calls = context.serverIndex;
    registerExport(exported);
  }
  if (context.registration === null && !settings.isOptionsModule) {
    await lateRegistration(context, settings.registerWithinMs);
  }
  return context.registration;
}

/** Waits for a `serve()` call that comes after the module was evaluated; resolves at the latest after `withinMs`. */
function lateRegistration(context: ThreadContext, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, withinMs);
    context.onRegistered = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
