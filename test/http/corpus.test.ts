/** Runs test/corpus: every case whole, byte by byte, cut in two everywhere, and with a request behind it. */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cutAt, logEvents, singleBytes } from "./event-log.ts";

const FOLDER = join(import.meta.dir, "../corpus");
const NEXT = Buffer.from("DELETE /next HTTP/1.1\r\nHost: next\r\nConnection: close\r\n\r\n");
const NEXT_EVENTS = ["HEAD DELETE /next 1.1 close", "FIELD host: next", "FIELD connection: close", "END"];
/** Longer inputs are cut at the places that matter and at a sample of the rest. */
const EVERY_CUT_BYTES = 1024;

interface Case {
  readonly name: string;
  readonly bytes: Buffer;
  readonly events: readonly string[];
  readonly hasFields: boolean;
}

function unescapeBytes(text: string): Buffer {
  const repeated = text.replace(/<<(.*?)\*(\d+)>>/g, (_, part: string, count: string) =>
    part.repeat(Number(count)),
  );
  const plain = repeated.replace(/\\(r|n|t|\\|x[0-9a-f]{2})/g, (_, name: string) =>
    name === "r"
      ? "\r"
      : name === "n"
        ? "\n"
        : name === "t"
          ? "\t"
          : name === "\\"
            ? "\\"
            : String.fromCharCode(Number.parseInt(name.slice(1), 16)),
  );
  return Buffer.from(plain, "latin1");
}

function readCases(file: string): Case[] {
  const cases: Case[] = [];
  for (const section of readFileSync(join(FOLDER, file), "utf8").split(/^## /m).slice(1)) {
    const name = section.slice(0, section.indexOf("\n"));
    const request = /^```request\n([\s\S]*?)\n```$/m.exec(section);
    const events = /^```(events(?: without fields)?)\n([\s\S]*?)\n```$/m.exec(section);
    if (request === null || events === null) throw new Error(`${file}: ${name}: not a case`);
    cases.push({
      name,
      bytes: unescapeBytes(request[1].replaceAll("\n", "")),
      events: events[2].split("\n"),
      hasFields: events[1] === "events",
    });
  }
  return cases;
}

function cuts(bytes: Buffer): number[] {
  const step = bytes.length <= EVERY_CUT_BYTES ? 1 : 97;
  const offsets: number[] = [];
  for (let offset = 0; offset <= bytes.length; offset++) {
    const isNearEdge = offset < 64 || bytes.length - offset < 64 || Math.abs(offset - 16384) < 8;
    if (isNearEdge || offset % step === 0) offsets.push(offset);
  }
  return offsets;
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".md") && name !== "README.md")) {
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
