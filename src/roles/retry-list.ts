/**
 * Messages for handlers that found no room in a ring: they are tried again each turn, in their order.
 *
 * Owned by the dispatcher.
 */

/** Calls that are to be repeated until they succeed. */
export class RetryList {
  #calls: (() => boolean)[] = [];

  /** Whether something waits. */
  get hasSome(): boolean {
    return this.#calls.length > 0;
  }

  /** Adds a call that gives false when it is to be made again. */
  add(call: () => boolean): void {
    this.#calls.push(call);
  }

  /** Makes every call once. */
  retry(): void {
    const calls = this.#calls;
    this.#calls = [];
    for (const call of calls) if (!call()) this.#calls.push(call);
  }
}
