/**
 * The comparison itself: a case is run against Bun.serve and against epollo, and what epollo shows must differ at
 * exactly the leaves that ./differences.ts lists for the case, if any.
 */
import { expect, test } from "bun:test";
import { DIFFERENCES, TO_MEND } from "./differences.ts";
import { differencesOf, type Observation, withAny } from "./observation.ts";
import { OURS, type Target } from "./program-server.ts";

/** What every kind of case has. */
export interface Case {
  readonly id: string;
  readonly section: string;
  readonly notInPool?: string;
}

/** Registers a test for each case and each of our modes. Bun.serve is asked once for all modes. */
export function compareAll<Kind extends Case>(
  cases: readonly Kind[],
  observe: (entry: Kind, target: Target) => Promise<Observation>,
): void {
  for (const entry of cases) {
    let theirs: Promise<Observation> | null = null;
    for (const target of OURS) {
      if (target === "pool" && entry.notInPool !== undefined) continue;
      const isFailing = entry.id in TO_MEND || `${entry.id}:${target}` in TO_MEND;
      const run = isFailing ? test.failing : test;
      run(
        `${entry.section} ${entry.id} (${target})`,
        async () => {
          theirs ??= observe(entry, "bun");
          const [native, ours] = await Promise.all([theirs, observe(entry, target)]);
          expectSame(entry.id, target, native, ours);
        },
        20_000,
      );
    }
  }
}

/** Asserts that the observations differ exactly as listed. */
export function expectSame(id: string, target: Target, theirs: Observation, ours: Observation): void {
  const found = differencesOf(theirs, ours);
  const difference = DIFFERENCES[id];
  const listed = (target === "pool" ? difference?.pool : undefined) ?? difference?.differs ?? {};
  try {
    expect(withAny(found, listed)).toEqual({ ...listed });
  } catch (failure) {
    // The whole of both, since the leaves alone do not tell what happened.
    const both = `Bun.serve: ${JSON.stringify(theirs)}\nepollo:    ${JSON.stringify(ours)}`;
    (failure as Error).message += `\n${both}`;
    throw failure;
  }
}
