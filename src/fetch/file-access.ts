/**
 * How the thread that answers requests opens and reads files. Types only: the one implementation is `roles/file-access.ts`.
 */
import type { FoundFile } from "./directory.ts";

/** How files are opened and read; made by the host of the handlers. */
export interface FileAccess {
  /** Opens a file for reading; -errno on failure. */
  open(path: string): FoundFile | number;
  /** Describes a descriptor of the program and gives a duplicate of it; -errno on failure. */
  duplicate(fd: number): FoundFile | number;
  /** Reads from an open file; shorter when the file is, -errno on failure. */
  read(fd: number, length: number, offset: number): Uint8Array | number;
  /** Closes what `open` gave. */
  close(fd: number): void;
  /** The error for a failure, as Bun words it. */
  error(result: number, path: string | null): Error;
}
