/**
 * The folder that the programs files and directories serve. Made by the test (makeFiles), named in the environment,
 * which the programs' processes inherit.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Path of the folder. */
export const FILES: string = process.env.EPOLLO_COMPAT_FILES ?? mkdtempSync(join(tmpdir(), "epollo-compat-"));
process.env.EPOLLO_COMPAT_FILES = FILES;

/** When every file was last modified. */
export const MODIFIED: Date = new Date("2020-02-02T02:02:02Z");

/** Writes the files. */
export function makeFiles(): void {
  const files: Record<string, string | Uint8Array> = {
    "text.txt": "hello from a file\n",
    "empty.txt": "",
    "large.bin": Buffer.alloc(1_500_000, "0123456789abcdef"),
    "image.png": "not really a png",
    "archive.zip": "PK not really",
    "data.json": '{"a":1}',
    noextension: "plain",
    "page.html": "<p>page</p>",
    "style.css": "body{}",
    ".hidden": "hidden",
    "a b.txt": "space",
    "caf\u00e9.txt": "accent",
    "sub/index.html": "<p>index</p>",
    "sub/inner.txt": "inner",
    "noindex/x.txt": "x",
  };
  for (const [name, content] of Object.entries(files)) {
    const path = join(FILES, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    utimesSync(path, MODIFIED, MODIFIED);
  }
  symlinkSync("text.txt", join(FILES, "link.txt"));
  symlinkSync("sub", join(FILES, "linked-sub"));
  symlinkSync("/etc/hostname", join(FILES, "escape"));
  symlinkSync("/etc", join(FILES, "escape-dir"));
  symlinkSync("nowhere", join(FILES, "broken"));
}

/** Removes the folder. */
export function removeFiles(): void {
  rmSync(FILES, { recursive: true, force: true });
}
