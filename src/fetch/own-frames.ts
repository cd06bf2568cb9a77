/**
 * Which lines of a stack are of this package, and errors that do not show them: a program's author looks for the line of the
 * program, not for ours.
 *
 * Any thread. Nothing here throws, whatever was thrown.
 */

/** Folders of this package, "/" at the end; null until they are asked for. */
let own: readonly string[] | null = null;

/** Folders of a package that has this module at `path`. */
export function ownFolders(path: string): readonly string[] {
  const root = /^(.*\/)(?:src\/fetch\/own-frames\.ts|dist\/epollo-built\/[^/]+)$/.exec(path)?.[1];
  return root === undefined ? [] : [`${root}src/`, `${root}ffi/`, `${root}dist/`];
}

/** Whether a file is of this package. */
export function isOwnFile(path: string): boolean {
  own ??= findFolders();
  return own.some((folder) => path.startsWith(folder));
}

/** In a bundle this module is where its source map says; without one its code and the program's are in one file. */
function findFolders(): readonly string[] {
  const folders = ownFolders(import.meta.path);
  if (folders.length > 0) return folders;
  return ownFolders(/^\s*at .*?\(?([^\s(]+?):\d+:\d+\)?$/m.exec(stackOf(new Error()))?.[1] ?? "");
}

/** The stack of an error as text, "" where there is none. */
export function stackOf(error: unknown): string {
  try {
    const stack = error instanceof Error ? error.stack : undefined;
    return typeof stack === "string" ? stack : "";
  } catch {
    return "";
  }
}

/** Takes the stack off an error that comes from no line of the program, such as that of a file which is not there. */
export function withoutFrames(error: Error): Error {
  // Nobody is calling this function, so it has no callers.
  Error.captureStackTrace(error, () => {});
  return error;
}
