/** Runs test/corpus: every case whole, byte by byte, cut in two everywhere, and with a request behind it. */

import { describe, expect, test } from "bun:test";
import { corpusFiles, readCases } from "./corpus-cases.ts";
import { cutAt, logEvents, singleBytes } from "./event-log.ts";

const NEXT = Buffer.from("DELETE /next HTTP/1.1\r\nHost: next\r\nConnection: close\r\n\r\n");
const NEXT_EVENTS = ["HEAD DELETE /next 1.1 close", "FIELD host: next", "FIELD connection: close", "END"];
/** Longer inputs are cut at the places that matter and at a sample of the rest. */
const EVERY_CUT_BYTES = 1024;

function cuts(bytes: Buffer): number[] {
  const step = bytes.length <= EVERY_CUT_BYTES ? 1 : 97;
  const offsets: number[] = [];
  for (let offset = 0; offset <= bytes.length; offset++) {
    const isNearEdge = offset < 64 || bytes.length - offset < 64 || Math.abs(offset - 16384) < 8;
    if (isNearEdge || offset % step === 0) offsets.push(offset);
  }
  return offsets;
}

for (const file of corpusFiles()) {
  describe(file, () => {
    for (const { name, bytes, events, hasFields } of readCases(file)) {
      const log = (pieces: readonly Buffer[]): string[] =>
        logEvents(pieces).filter((event) => hasFields || !event.startsWith("FIELD "));
      test(name, () => {
        expect(log([bytes])).toEqual([...events]);
        expect(log(singleBytes(bytes))).toEqual([...events]);
        for (const offset of cuts(bytes)) {
          const cut = log(cutAt(bytes, [offset]));
          if (!Bun.deepEquals(cut, events)) expect({ offset, cut }).toEqual({ offset, cut: [...events] });
        }
        if (events.at(-1) !== "END") return;
        const expected = [
          ...events,
          ...NEXT_EVENTS.filter((event) => hasFields || !event.startsWith("FIELD ")),
        ];
        expect(log([Buffer.concat([bytes, NEXT])])).toEqual(expected);
        expect(log([bytes, NEXT])).toEqual(expected);
      });
    }
  });
}
