/**
 * Sends a part of an open file to a client with sendfile(2).
 *
 * Owned by the dispatcher.
 */
import { describeOpen } from "../net/file.ts";
import { fixSendBuffer, sendFile } from "../net/stream-socket.ts";
import type { Client, Segment } from "./client.ts";

/** Bytes of a file that one call sends at most: the kernel needs no copy for them. */
export const FILE_BUDGET: number = 1024 * 1024;
/** Says that the file is shorter than it was. No errno. */
export const FILE_ENDED = -1000;
/**
 * The send buffer of a client on this machine that gets a file; the kernel doubles it. Its own grows to 4 MB (tcp_wmem), which is
 * right for long ways; here nothing is under way, and what the client copies out of a short buffer is still in the caches.
 */
const NEAR_BUFFER_BYTES = 200_000;

/** Sends up to `wanted` bytes of a segment's file. Gives the count taken, WOULD_BLOCK, -errno, or FILE_ENDED. */
export function sendFromFile(client: Client, segment: Segment, wanted: number): number {
  const sent = sendFile(client.fd, segment.fileFd, segment.at, wanted);
  if (sent === wanted) return sent;
  // Less is taken by a full socket, which says when it has room again, or when the file ends, of which nobody would tell.
  if (sent === 0 || (sent > 0 && endOf(segment.fileFd) < segment.at + wanted)) return FILE_ENDED;
  if (client.isNear) {
    client.isNear = false;
    fixSendBuffer(client.fd, NEAR_BUFFER_BYTES);
  }
  return sent;
}

/** The length of an open file by now; 0 if it is not to be found out. */
function endOf(fileFd: number): number {
  const file = describeOpen(fileFd);
  return typeof file === "number" ? 0 : file.size;
}
