/**
 * Opens and reads files for the handlers of this thread. The one `FileAccess` there is, over `net/file.ts`.
 */
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import type { DirectorySource } from "../fetch/directory.ts";
import type { FileAccess } from "../fetch/file-access.ts";
import type { RouteFiles } from "../fetch/route-responder.ts";
import {
  closeFile,
  describeOpen,
  duplicateFile,
  isMissing,
  openBeneath,
  openError,
  openFile,
  openRoot,
  readAt,
} from "../net/file.ts";

/** Directories that routes serve, each opened once on this thread and for its life. */
const directories = new Map<string, DirectorySource>();

/** Files as the operating system has them. */
export const fileAccess: FileAccess & RouteFiles = {
  open: openFile,
  duplicate: (fd) => {
    const copy = duplicateFile(fd);
    if (copy < 0) return copy;
    const file = describeOpen(copy);
    if (typeof file === "number") closeFile(copy);
    return file;
  },
  read: (fd, length, offset) => {
    const buffer = NativeBuffer.allocate(Math.max(1, length));
    const count = readAt(fd, buffer.address, length, offset);
    return count < 0 ? count : buffer.bytes.subarray(0, count);
  },
  close: (fd) => {
    closeFile(fd);
  },
  directory: (path) => {
    let source = directories.get(path);
    if (source === undefined) {
      const root = openRoot(path);
      if (root < 0) return root;
      source = { open: (name) => openBeneath(root, name), close: closeFile, isMissing };
      directories.set(path, source);
    }
    return source;
  },
  isMissing,
  error: (result, path) => openError(result, path ?? undefined),
};
