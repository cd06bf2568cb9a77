/**
 * Where an error comes from: the frames of its stack, and the lines around the first one that is of the program.
 *
 * For the error page of development, on any thread that runs handlers. Nothing here throws, whatever was thrown: what
 * cannot be found is left out.
 */
import { isOwnFile, stackOf } from "./own-frames.ts";

/** One line of a stack. */
export interface Frame {
  /** Name of the function, "" without one. */
  readonly name: string;
  /** Path of the file, or what the engine gives in its place. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** From 1; 0 where the stack does not say. */
  readonly column: number;
}

/** Some lines of a file. */
export interface Excerpt {
  readonly frame: Frame;
  /** Number of the first of `lines`. */
  readonly firstLine: number;
  readonly lines: readonly string[];
}

const LINES_BEFORE = 5;
const LINES_AFTER = 4;
const MAX_LINE_LENGTH = 240;
const MAX_FILE_SIZE = 4 << 20;

/** Frames of an error's stack without those of this package, the innermost first. */
export function framesOf(error: unknown): Frame[] {
  const stack = stackOf(error);
  const frames: Frame[] = [];
  for (const text of stack.split("\n")) {
    const match = /^\s*at (?:(.*) \(|async )?(.*?):(\d+)(?::(\d+))?\)?$/.exec(text);
    if (match === null) continue;
    const [, name = "", path = "", line = "0", column = "0"] = match;
    if (isOwnFile(path)) continue;
    frames.push({ name, path, line: Number(line), column: Number(column) });
  }
  return frames;
}

/** Lines around the innermost frame whose file can be read, of the program itself rather than of a dependency. */
export function excerptOf(frames: readonly Frame[]): Excerpt | null {
  const isForeign = ({ path }: Frame): boolean => path.includes("/node_modules/");
  for (const frame of [...frames.filter((each) => !isForeign(each)), ...frames.filter(isForeign)]) {
    const excerpt = readExcerpt(frame);
    if (excerpt !== null) return excerpt;
  }
  return null;
}

function readExcerpt(frame: Frame): Excerpt | null {
  if (!frame.path.startsWith("/")) return null;
  try {
    // Loaded where it is used: each thread that did so at its start would take 2 ms longer.
    const { readFileSync, statSync } = require("node:fs") as typeof import("node:fs");
    const file = statSync(frame.path);
    if (!file.isFile() || file.size > MAX_FILE_SIZE) return null;
    const all = readFileSync(frame.path, "utf8").split("\n");
    if (frame.line < 1 || frame.line > all.length) return null;
    const firstLine = Math.max(1, frame.line - LINES_BEFORE);
    const lines = all.slice(firstLine - 1, frame.line + LINES_AFTER);
    return { frame, firstLine, lines: lines.map((line) => line.slice(0, MAX_LINE_LENGTH).trimEnd()) };
  } catch {
    return null;
  }
}
