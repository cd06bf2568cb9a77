/**
 * The messages between a dispatcher and a handler thread, as they lie in the two rings of their pair.
 *
 * Every record has a type word and two more words, `a` and `b` (see `shm/ring.ts`). Here `a` is the entry of the task
 * in the pair's task table and `b` its serial number: an entry is used again, a serial is not (it wraps after 2^32), so
 * a message about a request that is over finds another serial and is dropped.
 *
 * The low 8 bits of the type word are the type, the others flags.
 *
 *   to the handler  | payload
 *   TASK            | a task record (`task-record.ts`)
 *   BODY            | the next bytes of the request's body; LAST: the body is complete
 *   ABORT           | i32: ABORT_LEFT, ABORT_HALF or ABORT_EXPIRED
 *   CREDIT          | i32: so many more bytes of the answer may be sent
 *   BODY_FAILED     | i32 status: the rest of the body will not come (413: too large, 400: malformed, 0: client left)
 *
 *   to the dispatcher
 *   ANSWER          | the next bytes of the answer, as they go on the wire
 *   ANSWER_BLOCK    | i32 first block, i32 length: the same in a run of blocks of the pair's slab
 *   ANSWER_FILE     | i32 fd, 4 bytes, f64 offset, f64 length, then the head: the whole answer; the fd is the
 *                   | dispatcher's from then on
 *   CUT             | i32 0: the answer will not be complete: the connection is reset; also sent to
 *                   | confirm an ABORT, after which the dispatcher may use the entry again
 *   BODY_CREDIT     | i32: so many more bytes of the request's body may be sent
 *   IDLE_TIMEOUT    | i32 seconds: `server.timeout()` for this request's client
 *
 * Flow control: an answer may be ahead of the socket by ANSWER_WINDOW or STREAM_WINDOW bytes, a request body ahead of its reader by
 * BODY_WINDOW; the receiver gives credit back as the bytes leave it.
 */

export const TASK = 1;
export const BODY = 2;
export const ABORT = 3;
export const CREDIT = 4;
export const BODY_FAILED = 5;

export const ANSWER = 1;
export const ANSWER_BLOCK = 2;
export const CUT = 3;
export const BODY_CREDIT = 4;
export const IDLE_TIMEOUT = 5;
export const ANSWER_FILE = 6;

/** The client has left, nobody waits for the answer. */
export const ABORT_LEFT = 0;
/** The client has closed its half. */
export const ABORT_HALF = 1;
/** The handler has taken too long, and the client has got another answer. */
export const ABORT_EXPIRED = 2;

/** Mask of the type in a type word. */
export const TYPE_MASK = 0xff;
/** Flag: nothing follows for this task in this direction. */
export const LAST = 0x100;
/** Flag of an answer: the connection closes after it. */
export const CLOSE = 0x200;
/** Flag of the first record of an answer: it is an interim or final head; set so that a dispatcher can count answers. */
export const FIRST = 0x400;
/** Flag of a whole answer: its handler was quick and waited for nothing. Set for tasks with TASK_MEASURED. */
export const QUICK = 0x800;
/** Flag of the first piece of an answer that exists whole: only the client's pace is waited for. */
export const IN_MEMORY = 0x2000;
/** Flag of an answer: nobody else has the memory of the body, which is freed when it has been copied or sent. */
export const OWNED = 0x4000;
/** Flag of the last piece of an answer: its handler has computed for long. Set for tasks with TASK_MEASURED. */
export const HEAVY = 0x1000;
/** Flag of a whole answer: its handler was not quick, but had kept its thread for less than what is slow. Set for tasks with TASK_MEASURED. */
export const LIGHT = 0x8000;
/** Those that tell how a handler has run: LIGHT beside HEAVY, or one of the three. A slow one that did not compute has none, nor has one that waited. */
export const PACE_MASK: number = QUICK | LIGHT | HEAVY;

/** Bytes of an answer that may be on their way to a client at once: of one that exists whole, or of a stream that is read fast. */
export const ANSWER_WINDOW: number = 512 * 1024;
/** Bytes of a stream that may be on their way to a client which has not shown that it reads fast (`fetch/answer-window.ts`). */
export const STREAM_WINDOW: number = 128 * 1024;
/** Bytes of a request's body that may be on their way to its handler at once. */
export const BODY_WINDOW: number = 256 * 1024;
/** The longest payload of a BODY record; longer pieces are split. */
export const BODY_RECORD_BYTES: number = 32 * 1024;
/** Answers up to this length (head included) lie in the ring, longer ones in blocks of the slab. */
export const INLINE_ANSWER_BYTES: number = 8 * 1024;
/** Request bodies up to this length travel with their head in one record. */
export const INLINE_BODY_BYTES: number = 32 * 1024;
/** Bytes of an ANSWER_FILE record before the head. */
export const FILE_HEADER_BYTES = 24;
/** The fewest bytes that an answer with a file is judged as (`judgedFileBytes`). */
export const FILE_ANSWER_BYTES: number = 64 * 1024;
/** The most bytes that an answer with a file is judged as. */
export const LONG_FILE_ANSWER_BYTES: number = 256 * 1024;
/** The longest piece of an answer, head included: a run of blocks of the slab. */
export const ANSWER_PIECE_BYTES: number = 256 * 1024;

/**
 * As how many bytes an answer with `length` bytes of a file is judged: opening it takes system calls, wherever the handler
 * runs, on caches that the last file has emptied, and sending it keeps the dispatcher for longer than what a hand-over saves.
 */
export function judgedFileBytes(length: number): number {
  return Math.min(Math.max(length, FILE_ANSWER_BYTES), LONG_FILE_ANSWER_BYTES);
}
