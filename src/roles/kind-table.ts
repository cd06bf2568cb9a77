/**
 * What a dispatcher knows of the kinds of requests: which are so short that it runs them itself.
 *
 * A kind is a route and method or, for a bare `fetch`, a method and a pattern of the path, in which a segment that looks
 * like an identifier stands for all of them and the query counts for nothing. It starts in the pool, which measures it,
 * and is promoted after a streak of quick runs, which a light one shortens and any other ends; inline, it is demoted by the first
 * run that is slow or does not settle, or when its average is more than a hand-over is worth. Each demotion but those that are
 * pardoned (below) doubles the streak it takes to come back, and a long time without one halves it again: a branch predictor with
 * hysteresis. So a wrong guess delays the other clients of one dispatcher once, and kinds that are slow one time in a thousand stay
 * in the pool.
 *
 * Runs are judged by how long they kept the thread, not by the clock (`run-meter.ts`). Still the engine itself pauses now and then, to
 * collect garbage or compile. So a kind saves up what the hand-overs of its good runs would have cost, the copying of their bytes
 * included, and a slow run is forgiven that what is saved pays for: all of them together cost less than a hand-over of each, and what
 * others wait for one after the other is FORGIVEN_MS at most. A longer one, of PAUSE_MS at most, is pardoned when good runs have
 * gained PARDON_GAIN times as much before, what was forgiven taken off: the kind is demoted, but PARDONED_STREAK quick runs bring it
 * back. The target that was slow is not among them, see below.
 *
 * A kind whose runs compute for long is noted as heavy: `heavy-limit.ts` says what for.
 *
 * Where the cost depends on an identifier or the query, a target that was slow (`/report?year=all`) is a kind of its own from then on,
 * up to SLOW_TARGETS of them: it delays nobody again, and says nothing any more of the kind it came from. In the pool, where it delays
 * nobody, it takes two slow runs: one is what any first run on a cold thread may be. After a streak of quick runs it belongs to its
 * kind again, whose own streak is what bounds the delays then.
 *
 * A path that was never seen (a slug) goes by its parent, the pattern with the last segment left open.
 *
 * Owned by the dispatcher. Layout: a table of ENTRIES rows found by the low bits of the kind's hash; the whole hash is
 * the tag. A kind that finds its row taken by one that is promoted gets it one time in SIXTEEN, so that requests for
 * random paths do not push out the kinds that matter.
 */
import { HEAVY, LIGHT, QUICK } from "../channel/messages.ts";
import type { RequestHead } from "../http/request-head.ts";
import { DispatcherCounter } from "../shm/counters.ts";

/** Milliseconds a run may take to count as quick. */
export const QUICK_MS = 0.1;
/** An inline run that takes longer, in ms, is a mistake. */
export const SLOW_MS = 1;
/** A run in the pool that computes for longer, in ms, is heavy: too long for more of them than processors to take turns. */
export const HEAVY_MS = 0.5;
/**
 * Milliseconds that a run may take longer for each byte of the request's body and of the answer: bytes are copied, into
 * memory that the kernel has to find first, wherever the handler runs.
 */
export const BYTE_MS = 2.5e-6;
/** Heavy runs that make a kind heavy, and others that make it light again. */
const HEAVY_RUNS = 2;
/** A kind whose inline runs take more than this on average, in ms, is worth the hand-over. */
const WORTH_MS = 0.08;
const ENTRIES = 4096;
const FIRST_STREAK = 16;
const LONGEST_STREAK = 1 << 16;
/** Inline runs without a mistake that halve the streak. */
const FORGIVING_RUNS = 1 << 16;
const AVERAGE_WEIGHT = 1 / 16;
const SIXTEEN = 16;
/** What a slow run takes off a kind's credit for being short, in good runs. */
const SLIP = 4;
/** What a run in the pool that was neither quick nor slow takes off a streak of quick ones. */
const STUMBLE = 4;
/** The most that a kind saves up, and so the longest slow run that is forgiven, in ms. */
const FORGIVEN_MS = 5;
/** What it saves with each good run, in us; for its bytes as much as they may take longer in the pool; and at most, so that it takes 16 to fill it. */
const HAND_OVER_US = 10;
const LONGEST_SAVING_US: number = (FORGIVEN_MS * 1000) / 16;
/** A run of so many ms may have been a collection of the whole heap, if good runs have gained so many times as much before, each this much at most. */
const PAUSE_MS = 16;
const PARDON_GAIN = 20;
const LONGEST_GAIN_US = 100;
const MOST_GAINED_US: number = PAUSE_MS * 1000 * PARDON_GAIN;
/** Quick runs in the pool that it takes to be back after that. */
const PARDONED_STREAK = 4;
const SLOW_TARGETS = 1024;

const QUESTION_MARK = 0x3f;
const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;
/** Stands for a segment that looks like an identifier. */
const IDENTIFIER = 0x123;
/** Stands for any last segment. */
const ANY = 0x12a;
/** Segments with a digit in them are identifiers from this length on (`v1` is none). */
const IDENTIFIER_LENGTH = 4;
/** Others wait while bytes are copied inline, so only so many count. */
const MOST_INLINE_BYTES: number = 2 * 1024 * 1024;

/** No kind: the request goes to the pool and nothing is learnt of it. */
export const NO_KIND = 0;

/** The kinds of requests of one dispatcher. */
export class KindTable {
  readonly #tags: Int32Array = new Int32Array(ENTRIES);
  readonly #isInline: Uint8Array = new Uint8Array(ENTRIES);
  /** Quick runs in a row in the pool; inline, runs since the promotion. */
  readonly #streak: Int32Array = new Int32Array(ENTRIES);
  /** Quick runs in a row that it takes to be promoted. */
  readonly #needed: Int32Array = new Int32Array(ENTRIES);
  readonly #averageMs: Float64Array = new Float64Array(ENTRIES);
  /**
   * Above 0 for one that was promoted and has hardly made a mistake since but that of not being worth it: up with each good inline
   * run to twice SLIP, down by SLIP with each slow one that may have been a pause, and to 0 with a longer one.
   */
  readonly #shortness: Uint8Array = new Uint8Array(ENTRIES);
  /** Heavy runs less the others, from 0 to twice HEAVY_RUNS. */
  readonly #heaviness: Uint8Array = new Uint8Array(ENTRIES);
  /** Microseconds that good runs since the promotion have saved, less those of slow runs that were forgiven. */
  readonly #savedUs: Int32Array = new Int32Array(ENTRIES);
  /** Microseconds that good runs since the promotion have saved and no slow ones have cost, up to MOST_GAINED_US. */
  readonly #gainedUs: Int32Array = new Int32Array(ENTRIES);
  /** How many targets of this kind are kinds of their own. While none is, targets need no hash. */
  readonly #ownTargets: Uint16Array = new Uint16Array(ENTRIES);
  /** Hashes of targets that were slow, found by their low bits, and the kinds of those that are kinds of their own, else NO_KIND. */
  readonly #slowTargets: Int32Array = new Int32Array(SLOW_TARGETS);
  readonly #kindsLeft: Int32Array = new Int32Array(SLOW_TARGETS);
  /** The parent of the kind that `find` gave last, or NO_KIND. */
  parent: number = NO_KIND;
  readonly #counters: Float64Array;
  #rotation = 0;

  /** @param counters those of the dispatcher, for promotions and demotions */
  constructor(counters: Float64Array) {
    this.#counters = counters;
  }

  /** Finds the kind of a request; its parent is in `parent` until the next call. */
  find(head: RequestHead, bytes: Uint8Array, headStart: number): number {
    this.parent = NO_KIND;
    if (head.route > 0) {
      const kind = this.#enter(mix(mix(0x9e37, head.method), -head.route));
      const target = this.#ownTargetOf(kind, head, bytes, headStart);
      return target === NO_KIND ? kind : this.#enter(target);
    }
    let hash = mix(0x79b9, head.method);
    let before = hash;
    let length = 0;
    let digits = 0;
    const end = headStart + head.targetEnd;
    for (let i = headStart + head.targetStart; i < end; i++) {
      const byte = bytes[i]!;
      if (byte === QUESTION_MARK) break;
      if (byte === SLASH) {
        if (isIdentifier(length, digits)) hash = mix(before, IDENTIFIER);
        hash = mix(hash, SLASH);
        before = hash;
        length = 0;
        digits = 0;
        continue;
      }
      length++;
      if (byte >= ZERO && byte <= NINE) digits++;
      hash = mix(hash, byte);
    }
    if (isIdentifier(length, digits)) hash = mix(before, IDENTIFIER);
    const kind = this.#enter(hash);
    const target = this.#ownTargetOf(kind, head, bytes, headStart);
    if (target !== NO_KIND) return this.#enter(target);
    this.parent = length === 0 ? NO_KIND : this.#enter(mix(before, ANY));
    return kind;
  }

  /** The hash of a target that is a kind of its own, or NO_KIND. */
  #ownTargetOf(kind: number, head: RequestHead, bytes: Uint8Array, headStart: number): number {
    const row = this.#rowOf(kind);
    if (row < 0 || this.#ownTargets[row] === 0) return NO_KIND;
    const target = targetHash(head, bytes, headStart);
    const place = target & (SLOW_TARGETS - 1);
    return this.#slowTargets[place] === target && this.#kindsLeft[place] !== NO_KIND ? target : NO_KIND;
  }

  /** A run of this kind and this target (`targetHash`) was slow; inline it was if it has delayed others. */
  noteSlowTarget(kind: number, target: number, wasInline: boolean): void {
    const row = this.#rowOf(kind);
    if (row < 0 || kind === target) return;
    // A kind that stays inline was forgiven: it was not the target that was slow.
    if (wasInline && this.#isInline[row] === 1) return;
    const place = target & (SLOW_TARGETS - 1);
    const isOwn = wasInline || this.#slowTargets[place] === target;
    this.#rejoin(place);
    this.#slowTargets[place] = target;
    if (!isOwn) return;
    this.#kindsLeft[place] = kind;
    this.#ownTargets[row]! += 1;
  }

  /** The target at this place, if it is a kind of its own, belongs to its kind again. */
  #rejoin(place: number): void {
    const row = this.#rowOf(this.#kindsLeft[place]!);
    this.#slowTargets[place] = NO_KIND;
    this.#kindsLeft[place] = NO_KIND;
    if (row >= 0 && this.#ownTargets[row]! > 0) this.#ownTargets[row]! -= 1;
  }

  /** Whether a request of this kind is to run inline. */
  isInline(kind: number, parent: number): boolean {
    const row = this.#rowOf(kind);
    if (row < 0) return false;
    if (this.#isInline[row] === 1) return true;
    if (this.#streak[row] !== 0 || this.#needed[row] !== FIRST_STREAK) return false;
    // Never seen: as its siblings.
    const above = this.#rowOf(parent);
    return above >= 0 && this.#isInline[above] === 1;
  }

  /** Whether a request of this kind had better run inline than wait, worth it or not. */
  isShort(kind: number): boolean {
    const row = this.#rowOf(kind);
    return row >= 0 && this.#shortness[row]! > 0;
  }

  /** Whether requests of this kind compute for long. */
  isHeavy(kind: number): boolean {
    const row = this.#rowOf(kind);
    return row >= 0 && this.#heaviness[row]! >= HEAVY_RUNS;
  }

  /**
   * A handler thread has run one.
   *
   * @param pace flags of messages.ts (`PACE_MASK`)
   */
  ranInPool(kind: number, parent: number, pace: number): void {
    this.#learn(kind, pace);
    this.#learn(parent, pace);
    const row = this.#rowOf(kind);
    if (row < 0) return;
    const heaviness = this.#heaviness[row]!;
    if ((pace & HEAVY) !== 0) {
      this.#heaviness[row] = Math.min(2 * HEAVY_RUNS, heaviness + 1);
      this.#slip(kind, SLIP);
    } else if (heaviness > 0) {
      this.#heaviness[row] = heaviness - 1;
    }
  }

  /**
   * It ran inline, and had settled when the handler returned, or not.
   *
   * @param ms for which it kept the thread, less what its bytes may take
   * @param bytes of the request's body and of the answer
   */
  ranInline(kind: number, parent: number, ms: number, isSettled: boolean, bytes: number): void {
    if (isSettled && ms < SLOW_MS) {
      this.#ranWell(kind, ms, bytes);
    } else if (!isSettled || !this.#forgives(kind, ms)) {
      const pardonUs = isSettled && ms <= PAUSE_MS ? ms * 1000 * PARDON_GAIN : Number.POSITIVE_INFINITY;
      if (!this.#demote(kind, pardonUs)) this.#demote(parent);
      this.#slip(kind, isSettled && ms <= FORGIVEN_MS ? SLIP : 2 * SLIP);
    }
  }

  /** Whether a slow run is rare enough to be none of the handler's doing. */
  #forgives(kind: number, ms: number): boolean {
    const row = this.#rowOf(kind);
    if (row < 0 || this.#isInline[row] === 0) return false;
    const us = Math.ceil(ms * 1000);
    if (us > this.#savedUs[row]!) return false;
    this.#savedUs[row]! -= us;
    this.#gainedUs[row] = Math.max(0, this.#gainedUs[row]! - us);
    return true;
  }

  #learn(kind: number, pace: number): void {
    const row = this.#rowOf(kind);
    // Once promoted, what still goes to the pool (a long body, say) is no example of what runs inline.
    if (row < 0 || this.#isInline[row] === 1) return;
    const former = this.#streak[row]!;
    // Not 0, which is a kind that was never seen.
    let streak = -1;
    if ((pace & QUICK) !== 0) streak = Math.max(0, former) + 1;
    else if ((pace & LIGHT) !== 0 && former > STUMBLE) streak = former - STUMBLE;
    this.#streak[row] = streak;
    if (streak >= this.#needed[row]!) this.#promote(row);
  }

  #slip(kind: number, by: number): void {
    const row = this.#rowOf(kind);
    if (row < 0) return;
    this.#shortness[row] = Math.max(0, this.#shortness[row]! - by);
  }

  #ranWell(kind: number, ms: number, bytes: number): void {
    const row = this.#rowOf(kind);
    if (row < 0) return;
    const shortness = this.#shortness[row]!;
    if (shortness > 0 && shortness < 2 * SLIP) this.#shortness[row] = shortness + 1;
    if (this.#isInline[row] === 0) {
      // Run inline only for want of a thread: it is not worth it otherwise.
      if (shortness > 0) return;
      this.#promote(row);
    }
    // What bytes did not take of what they may makes up for nothing.
    const average = this.#averageMs[row]! + (Math.max(0, ms) - this.#averageMs[row]!) * AVERAGE_WEIGHT;
    this.#averageMs[row] = average;
    if (average > WORTH_MS) {
      this.#demote(kind);
      return;
    }
    const runs = this.#streak[row]! + 1;
    this.#streak[row] = runs;
    const savingUs = Math.min(LONGEST_SAVING_US, HAND_OVER_US + bytes * BYTE_MS * 1000);
    this.#savedUs[row] = Math.min(FORGIVEN_MS * 1000, this.#savedUs[row]! + savingUs);
    this.#gainedUs[row] = Math.min(
      MOST_GAINED_US,
      this.#gainedUs[row]! + Math.min(LONGEST_GAIN_US, savingUs),
    );
    if (runs % FORGIVING_RUNS === 0 && this.#needed[row]! > FIRST_STREAK) this.#needed[row]! >>= 1;
  }

  #promote(row: number): void {
    // A target that was slow and is quick now, as after the first runs on cold threads, belongs to its kind again. It runs
    // where that does, and in the pool at first when it is slow again.
    const tag = this.#tags[row]!;
    const place = tag & (SLOW_TARGETS - 1);
    if (this.#slowTargets[place] === tag) {
      this.#rejoin(place);
      this.#streak[row] = -1;
      return;
    }
    this.#counters[DispatcherCounter.promotions]! += 1;
    this.#isInline[row] = 1;
    this.#shortness[row] = Math.max(SLIP, this.#shortness[row]!);
    this.#streak[row] = 0;
    this.#savedUs[row] = 0;
    this.#gainedUs[row] = 0;
    this.#averageMs[row] = 0;
  }

  /**
   * Whether it was pardoned, so that it comes back soon.
   *
   * @param pardonUs what it must have gained since its promotion for that
   */
  #demote(kind: number, pardonUs: number = Number.POSITIVE_INFINITY): boolean {
    const row = this.#rowOf(kind);
    if (row < 0) return false;
    // Not one that ran inline as its siblings do, or for want of a thread.
    const wasInline = this.#isInline[row] === 1;
    if (wasInline) this.#counters[DispatcherCounter.demotions]! += 1;
    this.#isInline[row] = 0;
    if (wasInline && this.#gainedUs[row]! >= pardonUs) {
      this.#streak[row] = this.#needed[row]! - PARDONED_STREAK;
      return true;
    }
    this.#streak[row] = -1;
    this.#needed[row] = Math.min(LONGEST_STREAK, this.#needed[row]! * 2);
    return false;
  }

  /** The row of a kind; -1 of none, and of one whose row another has got. */
  #rowOf(kind: number): number {
    const row = kind & (ENTRIES - 1);
    return kind !== NO_KIND && this.#tags[row] === kind ? row : -1;
  }

  /** Makes sure that a kind has a row; NO_KIND when another keeps it. */
  #enter(hash: number): number {
    const kind = hash === NO_KIND ? 1 : hash;
    const row = kind & (ENTRIES - 1);
    if (this.#tags[row] === kind) return kind;
    if (this.#tags[row] !== NO_KIND && this.#isInline[row] === 1 && ++this.#rotation % SIXTEEN !== 0) {
      return NO_KIND;
    }
    this.#tags[row] = kind;
    this.#isInline[row] = 0;
    this.#shortness[row] = 0;
    this.#streak[row] = 0;
    this.#needed[row] = FIRST_STREAK;
    this.#heaviness[row] = 0;
    this.#ownTargets[row] = 0;
    return kind;
  }
}

function isIdentifier(length: number, digits: number): boolean {
  return digits > 0 && (digits === length || length >= IDENTIFIER_LENGTH);
}

/** Milliseconds that an inline run may take longer for its bytes: twice as long as in the pool, since a hand-over would copy them once more. */
export function inlineByteMs(bytes: number): number {
  return Math.min(bytes, MOST_INLINE_BYTES) * 2 * BYTE_MS;
}

/** A number for the method and the whole target of a request. */
export function targetHash(head: RequestHead, bytes: Uint8Array, headStart: number): number {
  let hash = mix(0x51ed, head.method);
  const end = headStart + head.targetEnd;
  for (let i = headStart + head.targetStart; i < end; i++) hash = mix(hash, bytes[i]!);
  return hash === NO_KIND ? 1 : hash;
}

/** One step of FNV-1a with a final shift, on 32 bits. */
function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x01000193);
  return mixed ^ (mixed >>> 15);
}
