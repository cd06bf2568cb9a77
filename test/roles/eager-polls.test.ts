import { expect, test } from "bun:test";
import { EagerPolls } from "../../src/roles/eager-polls.ts";

/** A poller that has an event at the given poll of each spin, or never. */
class Polls {
  count = 0;
  eventAt = Number.POSITIVE_INFINITY;
  #ofSpin = 0;

  begin(): void {
    this.#ofSpin = 0;
  }

  wait(timeoutMs: number): number {
    expect(timeoutMs).toBe(0);
    this.count++;
    return ++this.#ofSpin >= this.eventAt ? 3 : 0;
  }
}

function spin(spinning: EagerPolls, polls: Polls): number {
  polls.begin();
  return spinning.poll(polls);
}

test("gives the events of the first poll that has some", () => {
  const polls = new Polls();
  polls.eventAt = 5;
  expect(spin(new EagerPolls(), polls)).toBe(3);
  expect(polls.count).toBe(5);
});

test("goes on while it pays, and stops soon when it does not", () => {
  const [spinning, polls] = [new EagerPolls(), new Polls()];
  polls.eventAt = 1;
  for (let time = 0; time < 100; time++) expect(spin(spinning, polls)).toBe(3);
  polls.eventAt = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 10; time++) spin(spinning, polls);
  const before = polls.count;
  for (let time = 0; time < 50; time++) expect(spin(spinning, polls)).toBe(0);
  expect(polls.count).toBe(before);
});

test("tries again after many sleeps, and goes on if that was right", () => {
  const [spinning, polls] = [new EagerPolls(), new Polls()];
  for (let time = 0; time < 10; time++) spin(spinning, polls);
  polls.eventAt = 2;
  let sleeps = 0;
  while (spin(spinning, polls) === 0) expect(++sleeps).toBeLessThan(100);
  expect(sleeps).toBeGreaterThan(30);
  for (let time = 0; time < 10; time++) expect(spin(spinning, polls)).toBe(3);
});
