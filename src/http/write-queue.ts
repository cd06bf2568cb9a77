/**
 * The order of a client's answers (RFC 9112 section 9.3.2: responses in the order of the requests).
 *
 * Each request gets the next sequence number. Answers come in pieces, from several threads, in any order; a piece may
 * be sent only when all answers before it are complete. Two counters say where that stands: `#nextToAssign` and
 * `#nextToSend`, the sequence whose pieces may go out now. Pieces of that one go straight to a first-in first-out
 * list, the ready list; pieces of later ones are held per sequence and are moved there when their turn comes.
 *
 *   finished | nextToSend: ready as it comes | held ... held | nextToAssign
 *
 * With one request at a time nothing is ever held and no memory is taken: one slot of the ready list is used again and
 * again.
 *
 * Thread: the dispatcher that owns the client.
 * Must not know: what a segment is (bytes, a file, a mark in a stream), sockets.
 */

/** Pieces that arrived ahead of their turn, and whether no more will come. */
interface Held<Segment> {
  segments: Segment[];
  isFinished: boolean;
}

const SMALLEST_RING = 8;
/** A ready list that grew beyond this is given back when it runs empty, so that an idle client is small. */
const KEPT_READY = 32;

/** Puts the pieces of a client's answers in the order of its requests. */
export class WriteQueue<Segment> {
  #nextToAssign = 0;
  #nextToSend = 0;
  #ready: (Segment | undefined)[] = [];
  #readyHead = 0;
  #readyTail = 0;
  /** Ring by sequence and mask; null until an answer arrives ahead of its turn. */
  #held: (Held<Segment> | undefined)[] | null = null;

  /** Number of answers that are assigned and not finished, or finished ahead of their turn. */
  get outstanding(): number {
    return this.#nextToAssign - this.#nextToSend;
  }

  /** Number of requests so far: of answers assigned. */
  get assigned(): number {
    return this.#nextToAssign;
  }

  /** Whether every assigned answer is finished and every segment shifted. */
  get isIdle(): boolean {
    return this.#nextToAssign === this.#nextToSend && this.#readyHead === this.#readyTail;
  }

  /** Number of segments that may be sent now. */
  get readyCount(): number {
    return this.#readyTail - this.#readyHead;
  }

  /** Whether all answers but the newest are finished and shifted, and nothing of that one is there. */
  get isOnlyNewestOpen(): boolean {
    return this.outstanding === 1 && this.readyCount === 0;
  }

  /** Whether no other answer was assigned after this one. */
  isNewest(sequence: number): boolean {
    return sequence === this.#nextToAssign - 1;
  }

  /** Gives the next request its sequence number: 0, 1, 2 and so on. */
  assign(): number {
    return this.#nextToAssign++;
  }

  /**
   * Tells whether more segments of this answer are accepted: it is assigned, not finished and not dropped by `clear`.
   */
  isOpen(sequence: number): boolean {
    if (sequence === this.#nextToSend) return sequence < this.#nextToAssign;
    return (
      sequence > this.#nextToSend &&
      sequence < this.#nextToAssign &&
      this.#heldAt(sequence)?.isFinished !== true
    );
  }

  /**
   * Appends a segment to an answer.
   *
   * @returns Whether it was taken; false if the answer is not open: the segment stays with the caller.
   */
  push(sequence: number, segment: Segment): boolean {
    if (sequence === this.#nextToSend && sequence < this.#nextToAssign) {
      this.#ready[this.#readyTail++] = segment;
      return true;
    }
    if (!this.isOpen(sequence)) return false;
    this.#hold(sequence).segments.push(segment);
    return true;
  }

  /**
   * Appends a segment behind all that may be sent now: the rest of answers that are finished.
   *
   * Only while the answer whose turn it is has no segment of its own.
   */
  append(segment: Segment): void {
    this.#ready[this.#readyTail++] = segment;
  }

  /**
   * Declares an answer complete; the next one's segments become ready when it is that one's turn.
   *
   * @returns false if the answer is not open.
   */
  finish(sequence: number): boolean {
    if (!this.isOpen(sequence)) return false;
    if (sequence !== this.#nextToSend) {
      this.#hold(sequence).isFinished = true;
      return true;
    }
    this.#nextToSend++;
    if (this.#held !== null) this.#promote(this.#held);
    return true;
  }

  /** Gives the next segment that may be sent, or undefined. It stays until `shift`. */
  front(): Segment | undefined {
    return this.#readyHead === this.#readyTail ? undefined : this.#ready[this.#readyHead];
  }

  /** Calls `visit` for each segment that may be sent now, in order, until it returns false. */
  forEachReady(visit: (segment: Segment) => boolean): void {
    for (let index = this.#readyHead; index < this.#readyTail; index++) {
      if (!visit(this.#ready[index] as Segment)) return;
    }
  }

  /** Drops the front segment, which has been sent. Nothing happens if there is none. */
  shift(): void {
    if (this.#readyHead === this.#readyTail) return;
    this.#ready[this.#readyHead++] = undefined;
    if (this.#readyHead === this.#readyTail) {
      if (this.#readyTail > KEPT_READY) this.#ready = [];
      this.#readyHead = 0;
      this.#readyTail = 0;
    } else if (this.#readyHead > KEPT_READY && this.#readyHead * 2 > this.#readyTail) {
      // A client that is never quite up to date must not make the list grow for ever.
      this.#ready = this.#ready.slice(this.#readyHead, this.#readyTail);
      this.#readyTail -= this.#readyHead;
      this.#readyHead = 0;
    }
  }

  /**
   * Drops all segments and ends all answers: the client is gone. Later pushes to them return false.
   *
   * @param release - Called with each dropped segment, so that blocks and files behind it can be given back.
   */
  clear(release: (segment: Segment) => void): void {
    const ready = this.#ready;
    const held = this.#held;
    const first = this.#readyHead;
    const last = this.#readyTail;
    const firstHeld = this.#nextToSend;
    this.#ready = [];
    this.#readyHead = 0;
    this.#readyTail = 0;
    this.#held = null;
    this.#nextToSend = this.#nextToAssign;
    for (let index = first; index < last; index++) release(ready[index] as Segment);
    if (held === null) return;
    for (let offset = 0; offset < held.length; offset++) {
      const entry = held[(firstHeld + offset) & (held.length - 1)];
      if (entry !== undefined) for (const segment of entry.segments) release(segment);
    }
  }

  #heldAt(sequence: number): Held<Segment> | undefined {
    return this.#held === null || sequence - this.#nextToSend >= this.#held.length
      ? undefined
      : this.#held[sequence & (this.#held.length - 1)];
  }

  #hold(sequence: number): Held<Segment> {
    let ring = this.#held;
    if (ring === null || sequence - this.#nextToSend >= ring.length) {
      ring = this.#grow(sequence - this.#nextToSend + 1);
      this.#held = ring;
    }
    const slot = sequence & (ring.length - 1);
    ring[slot] ??= { segments: [], isFinished: false };
    return ring[slot];
  }

  #grow(distance: number): (Held<Segment> | undefined)[] {
    const old = this.#held;
    let length = old === null ? SMALLEST_RING : old.length * 2;
    while (length < distance) length *= 2;
    const ring = new Array<Held<Segment> | undefined>(length).fill(undefined);
    if (old !== null) {
      for (let offset = 0; offset < old.length; offset++) {
        const sequence = this.#nextToSend + offset;
        ring[sequence & (length - 1)] = old[sequence & (old.length - 1)];
      }
    }
    return ring;
  }

  /** Moves what is held of the sequence whose turn it is, and of those after it as long as they are finished. */
  #promote(ring: (Held<Segment> | undefined)[]): void {
    for (;;) {
      const slot = this.#nextToSend & (ring.length - 1);
      const entry = ring[slot];
      ring[slot] = undefined;
      if (entry !== undefined) {
        for (const segment of entry.segments) this.#ready[this.#readyTail++] = segment;
        if (entry.isFinished) {
          this.#nextToSend++;
          continue;
        }
      }
      break;
    }
    // Nothing is ahead of its turn any more: an idle client holds no ring.
    if (this.#nextToAssign - this.#nextToSend <= 1) this.#held = null;
  }
}
