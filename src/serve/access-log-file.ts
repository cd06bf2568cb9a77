/**
 * Opens what the access log is written to, so that no write to it ever waits.
 *
 * Runs on the thread that called `serve()`; the descriptor goes to the dispatchers. It is opened anew for standard output too:
 * O_NONBLOCK belongs to an open file description, which standard output shares with other processes. Where that cannot be done,
 * standard output being a socket, the dispatchers send with MSG_DONTWAIT. Sources: open(2), pipe(7), proc(5).
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { resolve } from "node:path";
import type { AccessLogTarget } from "../roles/log-writer.ts";

const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
/** Up to so many bytes a pipe takes whole or not at all (PIPE_BUF), so that lines of several threads do not mix. */
const PIPE_BYTES = 4096;
const STDOUT = 1;

/** Where lines go, and what gives it back. */
export interface OpenedAccessLog extends Disposable {
  readonly target: AccessLogTarget;
}

/**
 * Opens a file, made if it is missing, or standard output (null).
 *
 * @throws Error with `code` when that cannot be done; ENXIO for a named pipe that nobody reads
 */
export function openAccessLog(file: string | null): OpenedAccessLog {
  const isOwn = file !== null || !fstatSync(STDOUT).isSocket();
  const flags = O_WRONLY | O_APPEND | O_NONBLOCK;
  const fd = isOwn
    ? openSync(file ?? `/proc/self/fd/${STDOUT}`, flags | (file === null ? 0 : O_CREAT), 0o644)
    : STDOUT;
  const kind = fstatSync(fd);
  const target = {
    fd,
    isSocket: kind.isSocket(),
    path: file !== null && kind.isFile() ? resolve(file) : null,
    pieceBytes: kind.isFile() ? Number.POSITIVE_INFINITY : PIPE_BYTES,
  };
  return {
    target,
    [Symbol.dispose]: () => {
      if (isOwn) closeSync(fd);
    },
  };
}
