import { describe, expect, test } from "bun:test";
import { ANSWER_WINDOW, STREAM_WINDOW } from "../../src/channel/messages.ts";
import { AnswerWindow } from "../../src/fetch/answer-window.ts";

const PIECE = 64 * 1024;
const MIB = 2 ** 20;
const FAST = 200;
const SLOW = 10;

/** An answer of any length and its client. */
class Transfer {
  readonly window: AnswerWindow;
  ahead = 0;
  #nowMs = 1;

  constructor(isStream: boolean) {
    this.window = new AnswerWindow(isStream);
    this.#fill();
  }

  #fill(): void {
    while (this.window.isOpen) {
      this.window.sent(PIECE);
      this.ahead += PIECE;
    }
  }

  /** The client takes so many bytes at a pace, in MiB/s. */
  take(bytes: number, pace: number): this {
    for (let taken = 0; taken < bytes; taken += PIECE) {
      this.#nowMs += ((PIECE / MIB) * 1000) / pace;
      this.ahead -= PIECE;
      this.window.taken(PIECE, this.#nowMs);
      this.#fill();
    }
    return this;
  }
}

test("an answer that exists whole has all of the window from the start, at any pace", () => {
  const transfer = new Transfer(false);
  expect(transfer.ahead).toBe(ANSWER_WINDOW);
  expect(transfer.take(16 * MIB, SLOW).ahead).toBe(ANSWER_WINDOW);
});

describe("a stream", () => {
  test("is ahead of a client that reads nothing by the narrow window, whatever the kernel took at once", () => {
    const transfer = new Transfer(true);
    expect(transfer.ahead).toBe(STREAM_WINDOW);
    expect(transfer.take(4 * MIB, 1000).ahead).toBe(STREAM_WINDOW);
  });

  test("has all of the window once its client has read fast", () => {
    expect(new Transfer(true).take(8 * MIB, FAST).ahead).toBe(ANSWER_WINDOW);
  });

  test("keeps to the narrow window while its client reads slowly, however much it has read", () => {
    expect(new Transfer(true).take(64 * MIB, SLOW).ahead).toBe(STREAM_WINDOW);
  });

  test("has the narrow window again when its client has become slow, and all of it when fast again", () => {
    const transfer = new Transfer(true).take(8 * MIB, FAST);
    expect(transfer.take(4 * MIB, SLOW).ahead).toBe(STREAM_WINDOW);
    expect(transfer.take(4 * MIB, FAST).ahead).toBe(ANSWER_WINDOW);
  });

  test("is never ahead by more than the window and a piece", () => {
    const window = new AnswerWindow(true);
    window.sent(STREAM_WINDOW - 1);
    expect(window.isOpen).toBe(true);
    window.sent(PIECE);
    expect(window.isOpen).toBe(false);
    window.taken(PIECE - 1, 1);
    expect(window.isOpen).toBe(false);
    window.taken(1, 1);
    expect(window.isOpen).toBe(true);
  });
});
