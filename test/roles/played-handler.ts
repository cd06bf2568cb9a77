/** The handler's end of a dispatcher's link, played by a test: notes what comes, answers when it is told to. */
import type { HandlerLink } from "../../src/channel/handler-link.ts";
import {
  ABORT,
  BODY,
  BODY_FAILED,
  CREDIT,
  FIRST,
  LAST,
  TASK,
  TYPE_MASK,
} from "../../src/channel/messages.ts";
import { TaskView } from "../../src/channel/task-record.ts";

/** A request that the handler has started. */
export class Started {
  readonly entry: number;
  readonly serial: number;
  readonly target: string;
  readonly method: number;
  readonly flags: number;
  readonly #link: HandlerLink;
  /** The body so far, in latin-1. */
  body: string;
  /** Whether the last bytes of a streamed body have come. */
  isBodyComplete = false;
  /** Status that the body failed with, -1 if it did not. */
  bodyFailure = -1;
  /** The values of the ABORT messages. */
  readonly aborts: number[] = [];
  /** Bytes of the answer that the client took, as far as the handler was told. */
  credit = 0;

  constructor(link: HandlerLink, view: TaskView) {
    const { bytes } = view;
    this.#link = link;
    this.entry = link.tasks.a;
    this.serial = link.tasks.b;
    this.target = bytes.toString("latin1", view.targetStart, view.targetEnd);
    this.method = view.method;
    this.flags = view.flags;
    this.body = bytes.toString("latin1", view.bodyStart, view.bodyStart + view.bodyBytes);
  }

  /** Gives a piece of the answer; the whole of it if nothing else is said. */
  answer(text: string, flags: number = FIRST | LAST): void {
    const body = Buffer.from(text, "latin1");
    this.#link.answer(this.entry, this.serial, "", body, 0, body.length, flags);
  }

  /** Allows more of the body. */
  allow(bytes: number): void {
    this.#link.creditBody(this.entry, this.serial, bytes);
  }

  /** Sets the idle timeout of the client. */
  setIdleTimeout(seconds: number): void {
    this.#link.setIdleTimeout(this.entry, this.serial, seconds);
  }

  /** Ends the answer before its time, or says that the end is known. */
  cut(): void {
    this.#link.cut(this.entry, this.serial);
  }
}

/** One handler thread. */
export class PlayedHandler {
  readonly link: HandlerLink;
  /** All that it has started, in order. */
  readonly started: Started[] = [];
  /** Tasks that were taken back before it met them. */
  skipped = 0;
  readonly #view: TaskView;

  constructor(link: HandlerLink) {
    this.link = link;
    this.#view = new TaskView(link.tasks);
  }

  /** The request that was started last. */
  get last(): Started {
    const last = this.started.at(-1);
    if (last === undefined) throw new Error("the handler has not started anything");
    return last;
  }

  /** Targets of all that it has started. */
  get targets(): string[] {
    return this.started.map(({ target }) => target);
  }

  /** Reads all that is in its ring. */
  play(): void {
    const { tasks } = this.link;
    while (tasks.next()) {
      if ((tasks.type & TYPE_MASK) === TASK) {
        if (!this.link.start(tasks.a)) {
          this.skipped++;
          continue;
        }
        this.#view.moveTo(tasks, tasks.payloadOffset);
        this.started.push(new Started(this.link, this.#view));
      } else this.#message(tasks.type);
    }
    this.link.release();
    this.link.resume();
  }

  #message(type: number): void {
    const { tasks } = this.link;
    const { payloadOffset: at, payloadBytes, words, bytes } = tasks;
    const started = this.started.find(({ entry, serial }) => entry === tasks.a && serial === tasks.b);
    if (started === undefined) throw new Error("a message about a request that was not started");
    const value = words[at >> 2];
    switch (type & TYPE_MASK) {
      case BODY:
        started.body += bytes.toString("latin1", at, at + payloadBytes);
        if ((type & LAST) !== 0) started.isBodyComplete = true;
        return;
      case CREDIT:
        started.credit += value;
        return;
      case BODY_FAILED:
        started.bodyFailure = value;
        return;
      case ABORT:
        started.aborts.push(value);
    }
  }
}
