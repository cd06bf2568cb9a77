/**
 * Makes system calls of a child process fail: the writing end of ../../ffi/faults.ts.
 *
 *     const faults = Faults.create();
 *     const server = await startInChild("pool", { environment: faults.environment });
 *     faults.fail("recv", "ENOMEM", { every: 3 });
 *     ...
 *     faults.stop();  faults.counts("recv")  faults.remove();
 */
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRNO } from "../../ffi/errno.ts";
import {
  FAULT_CALLS,
  FAULTS_BYTES,
  type FaultCall,
  mapRules,
  RULE_CALLS,
  RULE_ERRNO,
  RULE_EVERY,
  RULE_FAILED,
  RULE_LEFT,
  RULE_WORDS,
} from "../../ffi/faults.ts";
import { FAULTS_VARIABLE } from "../../ffi/libc.ts";

let made = 0;

/** Rules that a child process started with `environment` obeys. */
export class Faults {
  readonly path: string;
  readonly #rules: Int32Array;

  private constructor(path: string) {
    this.path = path;
    this.#rules = mapRules(path);
  }

  /** Makes a set of rules, none of them on. */
  static create(): Faults {
    const path = join(tmpdir(), `epollo-faults-${process.pid}-${made++}`);
    writeFileSync(path, new Uint8Array(FAULTS_BYTES));
    return new Faults(path);
  }

  /** The rules that this process itself obeys: for a program that a test has started with `environment`. */
  static ofThisProcess(): Faults {
    return new Faults(process.env[FAULTS_VARIABLE] as string);
  }

  /** What the child's environment needs. */
  get environment(): Record<string, string> {
    return { [FAULTS_VARIABLE]: this.path };
  }

  /** Makes every `every`-th call (default: each) fail, `times` times (default: until stopped). */
  fail(call: FaultCall, code: keyof typeof ERRNO, options: { every?: number; times?: number } = {}): void {
    const at = FAULT_CALLS.indexOf(call) * RULE_WORDS;
    Atomics.store(this.#rules, at + RULE_ERRNO, 0);
    Atomics.store(this.#rules, at + RULE_EVERY, options.every ?? 1);
    Atomics.store(this.#rules, at + RULE_LEFT, options.times ?? -1);
    Atomics.store(this.#rules, at + RULE_CALLS, 0);
    Atomics.store(this.#rules, at + RULE_FAILED, 0);
    Atomics.store(this.#rules, at + RULE_ERRNO, ERRNO[code]);
  }

  /** Lets calls (default: all) alone again; the counts stay. */
  stop(calls: readonly FaultCall[] = FAULT_CALLS): void {
    for (const call of calls) Atomics.store(this.#rules, FAULT_CALLS.indexOf(call) * RULE_WORDS, 0);
  }

  /** How often a call was made under its rule, and how often it was made to fail. */
  counts(call: FaultCall): { calls: number; failed: number } {
    const at = FAULT_CALLS.indexOf(call) * RULE_WORDS;
    return {
      calls: Atomics.load(this.#rules, at + RULE_CALLS),
      failed: Atomics.load(this.#rules, at + RULE_FAILED),
    };
  }

  /** Removes the file. */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}
