/**
 * The Date field's value, formatted once a second.
 *
 * Thread: each thread that writes heads has its own.
 * Must not know: the clock; the time is passed in.
 *
 * Source: RFC 9110 section 5.6.7 (IMF-fixdate).
 */

/** Formats times as IMF-fixdate and keeps the last one. */
export class HttpDate {
  #second = Number.NaN;
  #text = "";

  /**
   * Gives e.g. `Sun, 06 Nov 1994 08:49:37 GMT`.
   *
   * @param nowMs - Milliseconds since 1970, as from `Date.now()`; the part below a second is dropped.
   * @returns 29 ASCII characters; the same string object for all times within one second.
   */
  format(nowMs: number): string {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}
