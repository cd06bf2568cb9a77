/**
 * Watches dispatchers that run user code (`inline-host.ts`): one that hangs in it serves none of its clients.
 *
 * Lives in the supervisor, on a timer that runs only while dispatchers have clients or are awake; after that, the first that gets a
 * client wakes main, or the acceptor does that accepts one. A dispatcher hangs when it neither turns nor sleeps for as long as the limit.
 * From a second on the others run no handlers until it turns again, since the same request may come to them too.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import type { Log } from "../log/log.ts";
import type { Waker } from "../net/waker.ts";
import {
  type ControlBlock,
  DISPATCHER_RUNNING,
  SERVER_CLOSED,
  SERVER_RUNNING,
} from "../shm/control-block.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import type * as BlockedReport from "./blocked-report.ts";
import type * as InlineRecord from "./inline-record.ts";
import type { InlineRun } from "./inline-record.ts";
import { controlOf, dispatcherCounters, type ServerMemory } from "./server-memory.ts";

/** Looks in the time of the limit, and the bounds of the time between two of them, in ms. */
const LOOKS = 8;
const SHORTEST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 1000;
/** One that is still for longer keeps the others from running handlers, in ms. */
const PAUSE_MS = 1000;
/** One that is still for longer is told of, once, in ms. */
const REPORT_MS = 5000;

/** How long one may be still, in ms, once the server is closed: nobody waits for its answers any more. */
const CLOSED_MS = 1000;

/** How long a dispatcher may neither turn nor sleep, in ms. */
export interface DispatcherLimits {
  readonly runMs: number;
  /** The same while it loads the user's module. */
  readonly loadMs: number;
}

/** What the watch asks of the supervisor. */
export interface DispatcherWatchOwner {
  /** A dispatcher has hung for so many ms. */
  hangs(index: number, ms: number): void;
  /** A dispatcher has been still for so many ms, and may go on to be; said once. */
  blocks(index: number, ms: number): void;
  /** A dispatcher is to turn once, if it can. */
  wake(index: number): void;
}

/** Watches the dispatchers of one server. */
export class DispatcherWatch {
  readonly #owner: DispatcherWatchOwner;
  readonly #control: ControlBlock;
  readonly #counters: readonly Float64Array[];
  readonly #limits: DispatcherLimits;
  readonly #everyMs: number;
  readonly #turns: number[] = [];
  readonly #stillMs: number[] = [];
  readonly #isTold: boolean[] = [];
  #isPaused = false;
  #timer: ReturnType<typeof setInterval> | null = null;
  #isEnded = false;
  #lookedMs = 0;

  /** @param counters of each dispatcher */
  constructor(
    owner: DispatcherWatchOwner,
    control: ControlBlock,
    counters: readonly Float64Array[],
    limits: DispatcherLimits,
  ) {
    this.#owner = owner;
    this.#control = control;
    this.#counters = counters;
    this.#limits = limits;
    const shortestMs = Math.min(limits.runMs, limits.loadMs);
    this.#everyMs = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, shortestMs / LOOKS));
    control.wantWatch();
  }

  /** Begins to look if a dispatcher has clients; called whenever one of them woke the supervisor. */
  begin(): void {
    if (this.#timer !== null || this.#isEnded || (this.#control.isWatchWanted && this.#isRunning)) return;
    this.#lookedMs = performance.now();
    this.#timer = setInterval(() => this.look(performance.now()), this.#everyMs);
    this.#timer.unref();
  }

  get #isRunning(): boolean {
    return this.#control.serverState === SERVER_RUNNING;
  }

  /** Looks at all dispatchers. */
  look(nowMs: number): void {
    // After a pause of the whole process, or of this thread, nobody has hung for as long as the clock says.
    const passedMs = Math.min(nowMs - this.#lookedMs, 2 * this.#everyMs);
    this.#lookedMs = nowMs;
    let isIdle = this.#isRunning;
    let isStill = false;
    for (let index = 0; index < this.#control.dispatcherCount; index++) {
      if (this.#control.load(index).clients > 0 || !this.#control.dispatcherParker(index).isAsleep)
        isIdle = false;
      if (this.#lookAt(index, passedMs) >= PAUSE_MS) isStill = true;
    }
    if (isStill !== this.#isPaused) {
      this.#isPaused = isStill;
      this.#control.pauseInline(isStill);
    }
    if (!isIdle) return;
    this.#stop();
    this.#control.wantWatch();
  }

  /** Gives for how long a dispatcher has been still while it runs user code, in ms. */
  #lookAt(index: number, passedMs: number): number {
    const turns = this.#counters[index]![DispatcherCounter.turns]!;
    if (turns !== this.#turns[index] || this.#control.dispatcherState(index) !== DISPATCHER_RUNNING) {
      this.#turns[index] = turns;
      this.#stillMs[index] = 0;
      this.#isTold[index] = false;
      return 0;
    }
    const stillMs = (this.#stillMs[index] ?? 0) + passedMs;
    const isLoading = this.#control.isLoading(index);
    const { loadMs, runMs } = this.#limits;
    const openMs = isLoading ? loadMs : runMs;
    const limitMs = this.#control.serverState === SERVER_CLOSED ? Math.min(CLOSED_MS, openMs) : openMs;
    this.#stillMs[index] = stillMs;
    // One that sleeps on its event loop may hang in a timer of the user's: it is woken to show whether it can turn.
    // When the server stops, all have been woken.
    if (this.#isRunning && this.#control.dispatcherParker(index).isAsleep) {
      if (stillMs >= limitMs / 2) {
        this.#stillMs[index] = 0;
        this.#owner.wake(index);
      }
      return 0;
    }
    if (stillMs >= limitMs) {
      this.#stillMs[index] = 0;
      this.#owner.hangs(index, stillMs);
    } else if (stillMs >= REPORT_MS && !this.#isTold[index]) {
      this.#isTold[index] = true;
      this.#owner.blocks(index, stillMs);
    }
    return isLoading ? 0 : stillMs;
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Looks no more. */
  end(): void {
    this.#isEnded = true;
    this.#stop();
  }
}

/** Fields of a record about a run. */
function fieldsOf(run: InlineRun | null): object {
  return run === null ? {} : { method: run.method, path: run.path };
}

/**
 * Watches the dispatchers of a server: one that hangs is ended, and none of them runs handlers from then on.
 *
 * @param module what dispatchers load
 * @param end ends a dispatcher
 */
export function watchDispatchers(
  memory: ServerMemory,
  wakers: readonly Waker[],
  log: Log,
  limits: DispatcherLimits,
  module: string,
  end: (index: number) => void,
): DispatcherWatch {
  const control = controlOf(memory);
  const runOf = (index: number): InlineRun | null => {
    const { inlineRunOf } = require("./inline-record.ts") as typeof InlineRecord;
    return inlineRunOf(memory, control, index, monotonicMs());
  };
  const placeOf = (index: number, run: InlineRun | null): string => {
    if (run === null && control.isLoading(index)) return `${module}, which it loads`;
    return (require("./blocked-report.ts") as typeof BlockedReport).nameOf(run);
  };
  const owner = {
    wake: (index: number) => {
      if (control.dispatcherParker(index).needsWake()) wakers[index]!.wake();
    },
    hangs: (index: number, ms: number) => {
      control.barInline();
      const run = runOf(index);
      const message = `dispatcher ${index} hangs in ${placeOf(index, run)}, for ${Math.round(ms)} ms: it is ended${control.serverState === SERVER_CLOSED ? "" : "; handler threads run all requests from now on"}`;
      log.error("dispatcher-hangs", message, { dispatcher: index, ms, module, ...fieldsOf(run) });
      end(index);
    },
    blocks: (index: number, ms: number) => {
      const run = runOf(index);
      const message = `${placeOf(index, run)} has kept dispatcher ${index} for ${(ms / 1000).toFixed(1)} s: none of its clients is served`;
      log.error("dispatcher-blocks", message, { dispatcher: index, ms, ...fieldsOf(run) });
    },
  };
  const counters = wakers.map((_, index) => dispatcherCounters(memory, index));
  return new DispatcherWatch(owner, control, counters, limits);
}
