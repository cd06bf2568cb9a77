import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { WriteQueue } from "../../src/http/write-queue.ts";

function drain<Segment>(queue: WriteQueue<Segment>): Segment[] {
  const segments: Segment[] = [];
  for (let front = queue.front(); front !== undefined; front = queue.front()) {
    segments.push(front);
    queue.shift();
  }
  return segments;
}

describe("one answer at a time", () => {
  test("segments come out in order and the queue is idle only when finished and sent", () => {
    const queue = new WriteQueue<string>();
    expect([queue.isIdle, queue.outstanding, queue.front()]).toEqual([true, 0, undefined]);
    const sequence = queue.assign();
    expect([queue.isIdle, queue.outstanding, queue.assigned]).toEqual([false, 1, 1]);
    expect(queue.push(sequence, "a")).toBe(true);
    expect(queue.push(sequence, "b")).toBe(true);
    expect([queue.readyCount, queue.front()]).toEqual([2, "a"]);
    expect(drain(queue)).toEqual(["a", "b"]);
    expect(queue.isIdle).toBe(false);
    expect(queue.push(sequence, "c")).toBe(true);
    expect(queue.finish(sequence)).toBe(true);
    expect([queue.isIdle, queue.outstanding]).toEqual([false, 0]);
    expect(drain(queue)).toEqual(["c"]);
    expect(queue.isIdle).toBe(true);
  });

  test("an answer that is not open takes nothing", () => {
    const queue = new WriteQueue<string>();
    expect([queue.push(0, "x"), queue.finish(0), queue.isOpen(0)]).toEqual([false, false, false]);
    const sequence = queue.assign();
    expect(queue.isOpen(sequence)).toBe(true);
    queue.finish(sequence);
    expect([queue.push(sequence, "x"), queue.finish(sequence), queue.isOpen(sequence)]).toEqual([
      false,
      false,
      false,
    ]);
    queue.shift();
    expect([queue.isIdle, queue.front()]).toEqual([true, undefined]);
  });
});

describe("several answers", () => {
  test("an answer that is ready early waits for those before it", () => {
    const queue = new WriteQueue<string>();
    const [first, second, third] = [queue.assign(), queue.assign(), queue.assign()];
    queue.push(third, "3");
    queue.finish(third);
    queue.push(second, "2a");
    expect(queue.front()).toBeUndefined();
    queue.push(first, "1");
    expect(drain(queue)).toEqual(["1"]);
    queue.finish(first);
    expect(drain(queue)).toEqual(["2a"]);
    queue.push(second, "2b");
    queue.finish(second);
    expect(drain(queue)).toEqual(["2b", "3"]);
    expect([queue.isIdle, queue.outstanding]).toEqual([true, 0]);
  });

  test("a finished early answer is closed too", () => {
    const queue = new WriteQueue<string>();
    queue.assign();
    const second = queue.assign();
    queue.finish(second);
    expect([queue.isOpen(second), queue.push(second, "x"), queue.finish(second)]).toEqual([
      false,
      false,
      false,
    ]);
    expect(queue.outstanding).toBe(2);
  });

  test("empty answers are passed over", () => {
    const queue = new WriteQueue<string>();
    const all = Array.from({ length: 5 }, () => queue.assign());
    for (const sequence of [4, 2, 1, 3]) queue.finish(all[sequence]);
    queue.finish(all[0]);
    expect(queue.isIdle).toBe(true);
  });

  test("clear hands back every segment once and closes every answer", () => {
    const queue = new WriteQueue<number>();
    const all = Array.from({ length: 40 }, () => queue.assign());
    for (const sequence of all) if (sequence !== 7) queue.push(sequence, sequence);
    queue.finish(0);
    const released: number[] = [];
    queue.clear((segment) => released.push(segment));
    expect(released).toEqual(all.filter((sequence) => sequence !== 7));
    expect([queue.isIdle, queue.front(), queue.push(3, 3), queue.finish(3)]).toEqual([
      true,
      undefined,
      false,
      false,
    ]);
    const next = queue.assign();
    expect([next, queue.push(next, 99), queue.front()]).toEqual([40, true, 99]);
  });
});

test("a client that never catches up does not grow the queue", () => {
  const queue = new WriteQueue<number>();
  const sequence = queue.assign();
  queue.push(sequence, 0);
  for (let index = 1; index < 10_000; index++) {
    queue.push(sequence, index);
    expect(queue.front()).toBe(index - 1);
    queue.shift();
    expect(queue.readyCount).toBe(1);
  }
});

test("any order of arrival gives the order of the requests", () => {
  // Each step: 0 assigns, 1 shifts, others push to or finish one of the open answers.
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat()), { maxLength: 300 }), (steps) => {
      const queue = new WriteQueue<string>();
      const answers: string[][] = [];
      const open: number[] = [];
      const sent: string[] = [];
      const shift = (): void => {
        const front = queue.front();
        if (front !== undefined) sent.push(front);
        queue.shift();
      };
      for (const [kind, choice] of steps) {
        if (kind === 0) {
          open.push(queue.assign());
          answers.push([]);
        } else if (kind === 1) {
          shift();
        } else if (open.length > 0) {
          const index = choice % open.length;
          const sequence = open[index];
          if (kind === 2) {
            open.splice(index, 1);
            expect(queue.finish(sequence)).toBe(true);
          } else {
            answers[sequence].push(`${sequence}:${answers[sequence].length}`);
            expect(queue.push(sequence, answers[sequence].at(-1) as string)).toBe(true);
          }
        }
        // What may be sent: everything up to and with the first answer that is not finished.
        const limit = open.length === 0 ? answers.length : Math.min(...open) + 1;
        expect(sent.length + queue.readyCount).toBe(answers.slice(0, limit).flat().length);
      }
      for (const sequence of open) queue.finish(sequence);
      while (queue.front() !== undefined) shift();
      expect(sent).toEqual(answers.flat());
      expect(queue.isIdle).toBe(true);
    }),
    { numRuns: 500 },
  );
});
