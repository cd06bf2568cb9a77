/**
 * Who gets a task: a dispatcher's choice among handler threads, and the backlog of what none has room for.
 *
 * Owned by the dispatcher. Two policies:
 *
 * - "bounded" (default): a thread has room while it has little to do (`link-choice.ts`). Tasks that find no room stay here
 *   (late binding), so a slow task never has another behind it; one that was queued behind a task that turned out slow is
 *   taken back.
 * - "random": a random slot of the fixed array, spun up if it is empty, queued there if it is busy.
 *
 * When a task has waited SPAWN_AFTER_MS and no thread has room, one more thread is asked for; not another before that
 * one is there.
 */
import type { DispatcherLink } from "../channel/dispatcher-link.ts";
import {
  stampTaskBuffer,
  stampTaskRecord,
  taskRecordBytes,
  writeTaskRecord,
} from "../channel/task-record.ts";
import type { RequestHead } from "../http/request-head.ts";
import {
  type ControlBlock,
  HANDLER_DEAD,
  HANDLER_EMPTY,
  HANDLER_READY,
  HANDLER_STARTING,
} from "../shm/control-block.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { Backlog } from "./backlog.ts";
import { TASK_GIVEN, TASK_OVER, TASK_WAITING, type Task } from "./client.ts";
import { HeavyLimit } from "./heavy-limit.ts";
import { LinkChoice } from "./link-choice.ts";

/** A task that runs longer than this gives up those queued behind it. */
const SLOW_MS = 1;
/** A task that waited longer than this asks for one more thread. */
const SPAWN_AFTER_MS = 1;

/** How a scheduler chooses. */
export type Balance = "bounded" | "random";

/** The tasks of one dispatcher on their way to handlers. */
export class Scheduler {
  readonly #index: number;
  readonly #control: ControlBlock;
  readonly #links: readonly DispatcherLink<Task>[];
  readonly #counters: Float64Array;
  readonly #balance: Balance;
  readonly #wakeSupervisor: () => void;
  readonly #backlog: Backlog;
  readonly #heavy: HeavyLimit;
  readonly #choice: LinkChoice;
  #ready: DispatcherLink<Task>[] = [];
  #arrivals = 0;
  #canSpawn = true;
  /** Whether there is no handler thread and none can be started. */
  #isUnavailable = false;
  /** Whether the main thread runs the handlers. */
  #isOnMain = false;
  #hasAsked = false;
  /** Whether some handler has run slow tasks of late: what is given to the next may be one. */
  #hasSlow = false;

  constructor(
    index: number,
    control: ControlBlock,
    links: readonly DispatcherLink<Task>[],
    counters: Float64Array,
    balance: Balance,
    maxBacklog: number,
    wakeSupervisor: () => void,
    heavyLimit: number = Number.POSITIVE_INFINITY,
    maxBacklogBytes: number = Number.POSITIVE_INFINITY,
    processors: number = Number.POSITIVE_INFINITY,
  ) {
    this.#heavy = new HeavyLimit(heavyLimit);
    this.#choice = new LinkChoice(control, index, processors);
    this.#index = index;
    this.#control = control;
    this.#links = links;
    this.#counters = counters;
    this.#balance = balance;
    this.#backlog = new Backlog(maxBacklog, maxBacklogBytes);
    this.#wakeSupervisor = wakeSupervisor;
  }

  /** Tasks that wait for a handler. */
  get backlog(): number {
    return this.#backlog.length;
  }

  /** Bytes of the tasks that wait for a handler, and of their bodies as far as they are here. */
  get backlogBytes(): number {
    return this.#backlog.bytes;
  }

  /** Whether some handler thread takes tasks. */
  get hasHandlers(): boolean {
    return this.#ready.length > 0;
  }

  /** Looks anew at which handlers there are; called when the control block's epoch has changed. */
  refresh(): void {
    this.#ready = [];
    let empty = 0;
    let starting = 0;
    // The last slot is the main thread's; it is never spawned.
    const spawnable = this.#links.length - 1;
    for (const link of this.#links) {
      const state = this.#control.handlerState(link.slot);
      if (state === HANDLER_READY) this.#ready.push(link);
      else if (state === HANDLER_STARTING) starting++;
      else if (state === HANDLER_EMPTY && link.slot < spawnable) empty++;
    }
    this.#isOnMain = this.#control.handlerState(spawnable) === HANDLER_READY;
    this.#canSpawn = empty > 0 && starting === 0;
    this.#hasAsked = false;
    this.#isUnavailable = this.#ready.length === 0 && this.#control.isStartFailing;
  }

  /** Whether there is no handler thread and none can be started: nothing is to wait for one. */
  get isUnavailable(): boolean {
    return this.#isUnavailable;
  }

  /** Gives up the tasks that wait, in their order. */
  giveUp(refuse: (task: Task) => void): void {
    for (const backlog of [this.#backlog.common, this.#backlog.heavy]) {
      for (let task = backlog.front(); task !== undefined; task = backlog.front()) {
        backlog.shift();
        if (task.state === TASK_WAITING && task.record !== null) refuse(task);
      }
    }
  }

  /**
   * Gives a task to a handler or puts it into the backlog. Its record is made of `head` and of the bytes in `source`.
   *
   * @returns false when the backlog is full: nobody has the task
   */
  place(
    task: Task,
    head: RequestHead,
    source: Buffer,
    headStart: number,
    bodyStart: number,
    bodyBytes: number,
    flags: number,
    peers: Int32Array,
    peerIndex: number,
    nowMs: number,
  ): boolean {
    task.arrival = ++this.#arrivals;
    if (this.#isNext(task, nowMs)) {
      const link = this.#choose(task, nowMs);
      if (link !== null) {
        const entry = link.give(
          task,
          head,
          source,
          headStart,
          bodyStart,
          bodyBytes,
          flags,
          peers,
          peerIndex,
          nowMs,
        );
        if (entry >= 0) {
          this.#given(task, link, entry, nowMs);
          return true;
        }
      }
    }
    const length = taskRecordBytes(head, bodyBytes);
    if (!this.#mayWait(length)) return false;
    const memory = new ArrayBuffer((length + 7) & ~7);
    const record = Buffer.from(memory, 0, length);
    const target = { bytes: record, words: new Int32Array(memory) };
    const bodyAt = writeTaskRecord(target, 0, head, source, headStart, bodyBytes, flags, peers, peerIndex);
    stampTaskRecord(target.words, 0, nowMs);
    if (bodyBytes > 0) source.copy(record, bodyAt, bodyStart, bodyStart + bodyBytes);
    this.#wait(task, record, nowMs);
    return true;
  }

  /** Gives a task whose record is ready, or puts it into the backlog; false when that is full. */
  placeRecord(task: Task, record: Buffer, nowMs: number): boolean {
    stampTaskBuffer(record, nowMs);
    task.arrival = ++this.#arrivals;
    if (this.#isNext(task, nowMs) && this.#giveRecord(task, record, nowMs)) return true;
    if (!this.#mayWait(record.length)) return false;
    this.#wait(task, record, nowMs);
    return true;
  }

  /** Puts tasks that a handler did not start back into the backlog, before those that came after them. */
  takeAgain(tasks: readonly Task[], nowMs: number): void {
    for (let i = tasks.length - 1; i >= 0; i--) {
      const task = tasks[i];
      if (task.state === TASK_OVER) continue;
      // That the rest of its body will not come may have been told to a thread that never started it.
      if (task.upload !== null && task.upload.failure >= 0) task.upload.isClosed = false;
      task.link = null;
      task.entry = -1;
      task.state = TASK_WAITING;
      task.waitingSinceMs = nowMs;
      if (task.isHeavy) this.#heavy.over(task);
      this.#backlog.putBack(task);
    }
  }

  /** Hands out the backlog as far as handlers have room. */
  drain(nowMs: number): void {
    for (;;) {
      const queue = this.#backlog.next(this.#heavy.hasRoom(nowMs));
      if (queue === null) return;
      const task = queue.front()!;
      if (!this.#giveRecord(task, task.record!, nowMs)) return;
      queue.shift();
    }
  }

  /** Forgets a task that waits: its client is gone. It leaves the backlog when its turn comes. */
  drop(task: Task): void {
    this.#backlog.drop(task);
  }

  /** More of the body of a task that waits has come. */
  grew(task: Task, bytes: number): void {
    this.#backlog.grew(task, bytes);
  }

  #mayWait(bytes: number): boolean {
    return !this.#isUnavailable && this.#backlog.hasRoom(bytes);
  }

  /** A heavy task is answered, or nobody waits for it any more. */
  heavyOver(task: Task): void {
    this.#heavy.over(task);
  }

  /** Whether a task that comes now need not wait for others. */
  #isNext(task: Task, nowMs: number): boolean {
    return this.#backlog.queueOf(task).length === 0 && (!task.isHeavy || this.#heavy.hasRoom(nowMs));
  }

  /**
   * Takes tasks back from slow handlers and asks for one more thread where that is due.
   *
   * @returns milliseconds after which to look again, Infinity when there is nothing to watch
   */
  watch(nowMs: number): number {
    let again = Number.POSITIVE_INFINITY;
    // On the main thread there is nobody else to give a task to, and requests keep their order.
    if (this.#balance === "bounded" && !this.#isOnMain) {
      let hasSlow = false;
      for (const link of this.#ready) {
        if (
          this.#control.runningMs(link.slot, nowMs) > SLOW_MS ||
          this.#control.serviceMs(link.slot) > SLOW_MS
        ) {
          hasSlow = true;
        }
        const stalledMs = link.stalledMs(nowMs);
        if (link.queued === 0 || link.isStuck) continue;
        if (stalledMs > SLOW_MS || this.#control.runningMs(link.slot, nowMs) > SLOW_MS) {
          this.#takeBack(link, nowMs);
        } else again = SLOW_MS;
      }
      if (hasSlow !== this.#hasSlow) {
        this.#hasSlow = hasSlow;
        this.#control.setSlowAbout(hasSlow);
      }
    }
    if (this.backlog === 0) return again;
    this.drain(nowMs);
    const { common, heavy } = this.#backlog;
    let first = common.front();
    if (first === undefined && heavy.length > 0) {
      if (this.#heavy.hasRoom(nowMs)) first = heavy.front();
      else again = Math.min(again, this.#heavy.waitMs(nowMs));
    }
    if (first === undefined || !this.#canSpawn || this.#hasAsked) return again;
    const waited = nowMs - first.waitingSinceMs;
    if (waited < SPAWN_AFTER_MS) return Math.min(again, SPAWN_AFTER_MS - waited);
    this.#ask(-1);
    return again;
  }

  /**
   * The last look before sleeping, after the dispatcher has announced it: true when a task that waits has room.
   *
   * A handler that awaits posts no result when it has room again, so it is asked to wake this thread then. Asking comes
   * after the announcement and before the look: a handler that answers the question earlier finds this thread awake, and
   * one that had room before the question is seen here.
   */
  hasRoom(nowMs: number): boolean {
    const first = this.#backlog.next(this.#heavy.hasRoom(nowMs))?.front();
    if (first === undefined) return false;
    for (const link of this.#ready) link.askForRoom();
    return this.#choose(first, nowMs) !== null;
  }

  #takeBack(link: DispatcherLink<Task>, nowMs: number): void {
    const tasks: Task[] = [];
    const count = link.takeBack((task, record) => {
      task.record = record;
      tasks.push(task);
    });
    if (count === 0) return;
    this.#counters[DispatcherCounter.tasksTakenBack] += count;
    this.takeAgain(tasks, nowMs);
  }

  #wait(task: Task, record: Buffer, nowMs: number): void {
    task.record = record;
    task.state = TASK_WAITING;
    task.waitingSinceMs = nowMs;
    this.#backlog.push(task);
  }

  #giveRecord(task: Task, record: Buffer, nowMs: number): boolean {
    const link = this.#choose(task, nowMs);
    if (link === null) return false;
    const entry = link.giveRecord(task, record);
    if (entry < 0) return false;
    this.#given(task, link, entry, nowMs);
    return true;
  }

  #given(task: Task, link: DispatcherLink<Task>, entry: number, nowMs: number): void {
    if (task.isHeavy) this.#heavy.began(task, nowMs);
    if (task.state === TASK_WAITING) this.#backlog.given(task);
    task.link = link;
    task.entry = entry;
    task.record = null;
    task.state = TASK_GIVEN;
    this.#counters[DispatcherCounter.tasksDispatched] += 1;
    // Its client has closed its half meanwhile: the handler's signal is to say so.
    if (task.client.isToldOfHalf) link.abort(entry, true);
  }

  #choose(task: Task, nowMs: number): DispatcherLink<Task> | null {
    if (this.#balance === "random" && !this.#isOnMain) return this.#chooseRandom();
    return this.#choice.choose(this.#ready, this.#hasSlow, task, nowMs);
  }

  #chooseRandom(): DispatcherLink<Task> | null {
    const slots = this.#links.length - 1;
    const link = this.#links[Math.floor(Math.random() * slots)];
    const state = this.#control.handlerState(link.slot);
    if (state === HANDLER_DEAD) return null;
    if (state === HANDLER_EMPTY) this.#ask(link.slot);
    return link;
  }

  #ask(slot: number): void {
    if (slot < 0) {
      this.#hasAsked = true;
      this.#control.requestHandler(this.#index);
    } else this.#control.wantHandler(slot);
    this.#wakeSupervisor();
  }
}
