/**
 * Our parser beside llhttp: where both accept a request they must have read the same one, or a proxy with one of them in
 * front of a server with the other could be made to disagree about where a request ends (request smuggling).
 *
 * Compared are requests, one by one, up to the first that either refuses. What only one of them refuses is no mistake by
 * itself: ours is meant to be the stricter one. What llhttp refuses and ours takes is listed here, with its reason.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { arbitraryRequest } from "./arbitrary-request.ts";
import { corpusFiles, readCases } from "./corpus-cases.ts";
import { logEvents } from "./event-log.ts";
import { type Message, type Reading, readWithLlhttp, trimmed } from "./llhttp-messages.ts";

const RUNS = Number(process.env.EPOLLO_PROPERTY_RUNS ?? 1500);

/** The requests that our parser finds, from the events it gives. */
function readWithOurs(bytes: Buffer): Reading {
  const messages: Message[] = [];
  let error = "";
  for (const event of logEvents([bytes])) {
    const [kind, ...words] = event.split(" ");
    const rest = event.slice(kind!.length + 1);
    const last = messages.at(-1);
    if (kind === "HEAD") {
      // A target has no space in it.
      const [method, target, version] = words as [string, string, string];
      const minorVersion = Number(version.slice(2));
      messages.push({
        method,
        target: plain(target),
        minorVersion,
        fields: [],
        body: "",
        isWhole: false,
        hasHead: true,
      });
    } else if (kind === "FIELD") {
      const colon = rest.indexOf(": ");
      last!.fields.push([plain(rest.slice(0, colon)), trimmed(plain(rest.slice(colon + 2)))]);
    } else if (kind === "BODY") last!.body += plain(rest);
    else if (kind === "END") last!.isWhole = true;
    else if (kind === "FAILED") error = rest;
  }
  return { messages, error };
}

/** The bytes that an event log spells, as latin-1. */
function plain(escaped: string): string {
  return escaped.replace(/\\(r|n|t|\\|x[0-9a-f]{2})/g, (_, name: string) => {
    const index = "rnt\\".indexOf(name[0]!);
    return index >= 0 ? "\r\n\t\\"[index]! : String.fromCharCode(Number.parseInt(name.slice(1), 16));
  });
}

/** Compares the requests that both have accepted; gives how many those were. */
function compare(bytes: Buffer): number {
  const ours = readWithOurs(bytes).messages.filter(({ isWhole }) => isWhole);
  const theirs = readWithLlhttp(bytes).messages.filter(({ isWhole }) => isWhole);
  const count = Math.min(ours.length, theirs.length);
  for (let index = 0; index < count; index++) {
    if (!Bun.deepEquals(ours[index], theirs[index]))
      expect({ bytes: bytes.toString("latin1"), index, read: ours[index] }).toEqual({
        bytes: bytes.toString("latin1"),
        index,
        read: theirs[index]!,
      });
  }
  return count;
}

const PIECES = [
  "\r",
  "\n",
  "\r\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  '"',
  "\x7f",
  "\xff",
  "0",
  "1",
  "a",
  "-",
  "+",
  "0x",
  "\r\n\r\n",
  "\n\n",
  " HTTP/1.1",
  "Content-Length: 3\r\n",
  "Content-Length: 0\r\n",
  "content-length:7\r\n",
  "Content-Length: 3, 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Transfer-Encoding: chunked, gzip\r\n",
  "Transfer-Encoding : chunked\r\n",
  "\tfolded\r\n",
  "3\r\nabc\r\n",
  "0\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: b\r\n\r\n",
];

/** The cases of the corpus that are requests to us and none to llhttp, and why. */
const OURS_ONLY: Readonly<Record<string, string>> = {
  "White space before an extension": "bad white space, RFC 9112 section 7.1.1: to be read, not to be sent",
  "Trailers are dropped": "llhttp refuses a Content-Length among them; dropped, it means nothing",
  "Every token character in a name, obs-text and DEL in a value": "DEL, which Bun.serve takes too",
  "Two equal lines": "two equal lengths, RFC 9110 section 8.6: may be taken as one",
  "Bytes from 0x80 pass": "bytes above 0x7f in a target, which Bun.serve takes too",
  "CONNECT takes an authority": "llhttp stops for the tunnel",
  "CONNECT to IPv6": "llhttp stops for the tunnel",
  "Marks do not leak into the next request": "llhttp takes nothing after a request that closes",
};

const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...PIECES), fc.nat({ max: 4 })), {
  minLength: 1,
  maxLength: 5,
});

function changed(bytes: Buffer, by: readonly (readonly [number, string, number])[]): Buffer {
  let text = bytes.toString("latin1");
  for (const [at, what, removed] of by) {
    const index = at % (text.length + 1);
    text = text.slice(0, index) + what + text.slice(index + removed);
  }
  return Buffer.from(text, "latin1");
}

describe("beside llhttp", () => {
  test("valid requests are read alike", () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.array(arbitraryRequest, { minLength: 1, maxLength: 4 }), (requests) => {
        compared += compare(Buffer.concat(requests.map((request) => request.bytes)));
      }),
      { numRuns: RUNS },
    );
    expect(compared).toBeGreaterThan(RUNS / 10);
  });

  test("damaged requests are read alike where both take them", () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.array(arbitraryRequest, { minLength: 1, maxLength: 3 }), changes, (requests, by) => {
        compared += compare(changed(Buffer.concat(requests.map((request) => request.bytes)), by));
      }),
      { numRuns: RUNS },
    );
    expect(compared).toBeGreaterThan(RUNS / 20);
  });

  const cases = corpusFiles()
    .flatMap(readCases)
    .filter(({ bytes }) => bytes.length < 4096);

  test("what we take and llhttp refuses is known", () => {
    const only = cases.filter(({ bytes, events }) => {
      const { error, messages } = readWithLlhttp(bytes);
      return events.at(-1) === "END" && (error !== "" || messages.at(-1)?.isWhole !== true);
    });
    expect(only.map(({ name }) => name).sort()).toEqual(Object.keys(OURS_ONLY).sort());
  });

  test("the cases of the corpus, and what becomes of them by damage", () => {
    for (const { bytes } of cases) compare(bytes);
    let compared = 0;
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.constantFrom(...cases), changes, (first, second, by) => {
        compared += compare(changed(Buffer.concat([first.bytes, second.bytes]), by));
      }),
      { numRuns: RUNS },
    );
    expect(compared).toBeGreaterThan(RUNS / 20);
  });
});
