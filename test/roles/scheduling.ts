/** A dispatcher's scheduler with handler slots whose other ends belong to the test. */
import { DispatcherLink } from "../../src/channel/dispatcher-link.ts";
import { HandlerLink } from "../../src/channel/handler-link.ts";
import { TASK, TYPE_MASK } from "../../src/channel/messages.ts";
import { Client, Task } from "../../src/roles/client.ts";
import { type Balance, Scheduler } from "../../src/roles/scheduler.ts";
import {
  allocateServerMemory,
  controlOf,
  dispatcherCounters,
  pairOf,
  type ServerMemory,
} from "../../src/roles/server-memory.ts";
import {
  type ControlBlock,
  HANDLER_EMPTY,
  HANDLER_READY,
  HANDLER_STARTING,
} from "../../src/shm/control-block.ts";
import { PEER, PEER_INDEX, parseRequest } from "../channel/link-pair.ts";

/** A task of a client of its own; `sequence` tells tasks apart. */
export function makeTask(sequence = 0): Task {
  return new Task(new Client(sequence, 0, -1), sequence);
}

/** One dispatcher, `slots` handler slots and the main thread's. */
export class Scheduling {
  readonly memory: ServerMemory;
  readonly control: ControlBlock;
  readonly links: DispatcherLink<Task>[] = [];
  readonly handlers: HandlerLink[] = [];
  readonly counters: Float64Array;
  readonly scheduler: Scheduler;
  supervisorWakes = 0;
  /** How often a handler woke the dispatcher. */
  dispatcherWakes = 0;

  constructor(
    slots: number,
    balance: Balance = "bounded",
    maxBacklog = 1000,
    heavyLimit?: number,
    maxBacklogBytes?: number,
    processors?: number,
  ) {
    this.memory = allocateServerMemory(1, slots);
    this.control = controlOf(this.memory);
    this.counters = dispatcherCounters(this.memory, 0);
    for (let slot = 0; slot <= slots; slot++) {
      const pair = pairOf(this.memory, 0, slot);
      this.links.push(new DispatcherLink<Task>(slot, pair, this.control.handlerParker(slot)));
      this.handlers.push(
        new HandlerLink(pair, this.control.dispatcherParker(0), () => this.dispatcherWakes++),
      );
    }
    this.scheduler = new Scheduler(
      0,
      this.control,
      this.links,
      this.counters,
      balance,
      maxBacklog,
      () => this.supervisorWakes++,
      heavyLimit,
      maxBacklogBytes,
      processors,
    );
    this.scheduler.refresh();
  }

  /** Brings slots to life, each with an average service time. */
  ready(slots: readonly number[], serviceMs = 0.01): this {
    for (const slot of slots) {
      this.control.resetHandler(slot, serviceMs);
      this.control.moveHandler(slot, HANDLER_EMPTY, HANDLER_STARTING);
      this.control.moveHandler(slot, HANDLER_STARTING, HANDLER_READY);
    }
    this.scheduler.refresh();
    return this;
  }

  /** Places a request; false when it was refused. */
  place(task: Task, nowMs = 0, text = `GET /${task.sequence} HTTP/1.1\r\nHost: a\r\n\r\n`): boolean {
    const { head, bytes, headStart, bodyStart, bodyBytes } = parseRequest(text);
    return this.scheduler.place(
      task,
      head,
      bytes,
      headStart,
      bodyStart,
      bodyBytes,
      0,
      PEER,
      PEER_INDEX,
      nowMs,
    );
  }

  /** Has a handler meet the next task in its ring; its sequence number, or null when there is none or it was taken back. */
  meet(slot: number): number | null {
    const { tasks } = this.handlers[slot];
    this.links[slot].flush();
    if (!tasks.next() || (tasks.type & TYPE_MASK) !== TASK) return null;
    const { a: entry, b: serial } = tasks;
    const isStarted = this.handlers[slot].start(entry);
    this.handlers[slot].release();
    return isStarted ? (this.links[slot].taskOf(entry, serial)?.sequence ?? null) : null;
  }

  /** Has a handler run all that is in its ring; their sequence numbers. */
  runAll(slot: number): number[] {
    this.links[slot].flush();
    const { tasks } = this.handlers[slot];
    const run: number[] = [];
    while (tasks.next()) {
      const { a: entry, b: serial } = tasks;
      if (!this.handlers[slot].start(entry)) continue;
      run.push(this.links[slot].taskOf(entry, serial)!.sequence);
      this.links[slot].finish(entry);
    }
    this.handlers[slot].release();
    return run;
  }
}
