/**
 * Field names as interned lower-case strings.
 *
 * Nearly all requests use the same few dozen names, so a name is looked up by its bytes and no string is built for
 * it. The table is direct-mapped: a hash of length and three bytes (first, last, the one at three quarters) gives one
 * slot; it starts filled with the well-known names, and a name that is not found where it should be is decoded and
 * takes the slot. It is bounded in slots and in the length of a learned name, so a peer that invents names costs a
 * decoding each time and nothing more.
 *
 * Thread: each thread has its own table (module state of a Worker).
 * Must not know: what the fields mean.
 */

import { decodeLatin1 } from "./latin1.ts";

/** Lists the field names the table starts with, lower case. */
export const WELL_KNOWN_NAMES: readonly string[] = Object.freeze(
  (
    "host connection content-length content-type transfer-encoding accept accept-encoding accept-language " +
    "accept-charset user-agent cookie referer origin authorization cache-control pragma expect upgrade te trailer " +
    "if-match if-none-match if-modified-since if-unmodified-since if-range range date via from forwarded dnt " +
    "x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-real-ip x-request-id x-requested-with " +
    "upgrade-insecure-requests sec-fetch-site sec-fetch-mode sec-fetch-user sec-fetch-dest sec-ch-ua sec-ch-ua-mobile " +
    "sec-ch-ua-platform sec-websocket-key sec-websocket-version sec-websocket-extensions sec-websocket-protocol " +
    "access-control-request-method access-control-request-headers content-encoding content-language content-location " +
    "content-disposition content-range keep-alive proxy-authorization proxy-connection max-forwards priority purpose " +
    "save-data sec-gpc traceparent tracestate baggage x-api-key x-csrf-token x-http-method-override idempotency-key " +
    "last-event-id cf-connecting-ip cf-ray cf-visitor cf-ipcountry cdn-loop true-client-ip x-amzn-trace-id " +
    "x-correlation-id x-client-version x-forwarded-server apikey"
  ).split(" "),
);

const SLOTS = 1024;
const LONGEST_LEARNED = 64;
const slots: string[] = new Array<string>(SLOTS).fill("");

// The factors put all well-known names into different slots (found by trial, kept by the test).
function slotOf(length: number, first: number, inner: number, last: number): number {
  return (length * 933 + (first & 31) * 19 + (inner & 31) * 413 + (last & 31) * 197) & (SLOTS - 1);
}

function learn(names: readonly string[]): void {
  for (const name of names) {
    const { length } = name;
    const inner = name.charCodeAt((length * 3) >> 2);
    slots[slotOf(length, name.charCodeAt(0), inner, name.charCodeAt(length - 1))] = name;
  }
}
// In a function: a loop of the module itself would have all of the module compiled.
learn(WELL_KNOWN_NAMES);

/**
 * Gives the field name in `bytes[start..end)` in lower case, without building a string for one seen before.
 * Shape: the bytes are a token (RFC 9110 section 5.6.2), as the parser has checked.
 */
export function decodeName(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  const slot = slotOf(length, bytes[start], bytes[start + ((length * 3) >> 2)], bytes[end - 1]);
  const known = slots[slot];
  if (known.length === length && isSpelled(bytes, start, known)) return known;
  const name = decodeLatin1(bytes, start, end).toLowerCase();
  if (length <= LONGEST_LEARNED) slots[slot] = name;
  return name;
}

function isSpelled(bytes: Uint8Array, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    const byte = bytes[start + index];
    if (byte === name.charCodeAt(index)) continue;
    // Only a capital letter may differ: `^` and `~`, `_` and 0x7F are one bit apart too.
    if (byte < 0x41 || byte > 0x5a || (byte | 0x20) !== name.charCodeAt(index)) return false;
  }
  return true;
}
