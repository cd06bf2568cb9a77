/**
 * Opens and reads files for the handlers of this thread. The one `FileAccess` there is, over `net/file.ts`.
 */
import { syscallError } from "../../ffi/errno.ts";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import type { FileAccess } from "../fetch/file-responder.ts";
import { closeFile, describeOpen, duplicateFile, openFile, readAt } from "../net/file.ts";

/** Files as the operating system has them. */
export const fileAccess: FileAccess = {
  open: openFile,
  duplicate: (fd) => {
    const copy = duplicateFile(fd);
    return copy < 0 ? copy : describeOpen(copy);
  },
  read: (fd, length, offset) => {
    const buffer = NativeBuffer.allocate(Math.max(1, length));
    const count = readAt(fd, buffer.address, length, offset);
    return count < 0 ? count : buffer.bytes.subarray(0, count);
  },
  close: (fd) => {
    closeFile(fd);
  },
  error: (result, path) => syscallError("open", result, path ?? undefined),
};
