/**
 * What handlers note and tests read: which handlers ran, whose signal aborted. A file, because the handlers of one
 * server run on several threads or in a child process, and have no memory in common with the test.
 *
 * Theory of operation: one line per event, appended with O_APPEND, so that lines of several threads never mix. The
 * path travels in the environment, which threads and children inherit.
 */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";

const path: string = process.env.EPOLLO_TEST_JOURNAL ?? `/tmp/epollo-test-journal-${process.pid}`;
process.env.EPOLLO_TEST_JOURNAL = path;

let nextMark = 0;

/** Gives a word that no other event of this run carries. */
export function uniqueMark(): string {
  return `mark-${process.pid}-${nextMark++}`;
}

/** Notes an event, a line of text. */
export function note(event: string): void {
  appendFileSync(path, event + "\n");
}

/** Reads the events noted so far that contain a word, oldest first. */
export function notesOf(word: string): string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.includes(word));
}

/** Removes what was noted so far; `bun test` runs no exit handlers that could do it at the end. */
export function forgetNotes(): void {
  rmSync(path, { force: true });
}
