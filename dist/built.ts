/** Finds the built package beside this file. */

/** Folder of what make.ts makes. The name is our own: in a bundle this is looked for beside the bundle. */
export const BUILT_FOLDER = "epollo-built";

// In a bundle of format cjs this is a text from the time of the build, as in src/serve/bundled-thread.ts.
const folder = (): string => import.meta.dir;
const isFolderFixed = !folder.toString().includes("import.meta");

/** Evaluates a file of the built package; null when there is no built package. Throws what the evaluation throws. */
export function built(name: string): unknown {
  if (isFolderFixed) return null;
  const path = `${folder()}/${BUILT_FOLDER}/${name}`;
  try {
    // No bundler follows a path that it does not see.
    return require(path);
  } catch (error) {
    if (isMissing(error, path)) return null;
    throw error;
  }
}

function isMissing(error: unknown, path: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === "MODULE_NOT_FOUND" && String(message).includes(path);
}
