/**
 * The access log: a line for each request, when its answer is complete or its client is gone.
 *
 * Owned by the dispatcher, and there only when the options ask for it. What a line needs of the request is kept with the client
 * from the head on, since the head's bytes are gone by then. A request whose client leaves before its answer has begun has status
 * 499, as in nginx's log; one that could not be parsed has neither method nor path.
 *
 *   combined  127.0.0.1 - - [27/Nov/2026:22:21:11 +0000] "GET /a HTTP/1.1" 200 5 "referer" "agent" 0.001
 *   json      {"time":"2026-11-27T22:21:11.123Z","remote":"127.0.0.1","method":"GET","path":"/a", ...}
 *
 * `combined` is Apache's format of that name with the seconds that the request took behind it. Both count the bytes of the body
 * as they went on the wire. Control characters, quotes and what is not ASCII are escaped, long values are cut.
 */
import { monotonicMs } from "../../ffi/clock.ts";
import { decodeLatin1 } from "../http/latin1.ts";
import { METHODS } from "../http/method.ts";
import { fieldOf, type RequestHead } from "../http/request-head.ts";
import { formatPeer } from "../net/address.ts";
import { DispatcherCounter } from "../shm/counters.ts";
import { PEER_ADDRESS_WORDS } from "../shm/incoming-queue.ts";
import type { Client } from "./client.ts";
import { type AccessLogTarget, LINE_BYTES, LogWriter } from "./log-writer.ts";
import type { LoggedRequest } from "./logged-client.ts";

/** How lines look. */
export type AccessLogFormat = "combined" | "json";

/** What a dispatcher is told about the access log. */
export interface AccessLogSettings {
  readonly target: AccessLogTarget;
  readonly format: AccessLogFormat;
}

/** Status of a request whose client has left. */
const CLIENT_LEFT = 499;
/** Characters of values in a line at most. */
const MAX_PATH = 2048;
const MAX_FIELD = 512;
/** Characters of the path where the line gets too long with them: escaped, each may take six. */
const SHORT_PATH = 512;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Writes the access log of one dispatcher. */
export class AccessLog {
  /** The lines on their way. */
  readonly writer: LogWriter;
  readonly #isJson: boolean;
  #second = -1;
  #secondText = "";

  constructor(settings: AccessLogSettings, counters: Float64Array) {
    this.#isJson = settings.format === "json";
    this.writer = new LogWriter(settings.target, (lines) => {
      counters[DispatcherCounter.accessLogDropped]! += lines;
    });
  }

  /** The head of a request has come. `peers` has the addresses of all clients by slot, as `net/address.ts` writes them. */
  begin(
    client: Client,
    sequence: number,
    head: RequestHead,
    bytes: Buffer,
    peers: Int32Array,
    nowMs: number,
  ): void {
    const { headStart } = client.parser;
    client.logged ??= {
      address: formatPeer(peers, client.slot * PEER_ADDRESS_WORDS)?.address ?? "-",
      entries: [],
    };
    client.logged.entries.push({
      sequence,
      method: METHODS[head.method]!,
      path: decodeLatin1(
        bytes,
        headStart + head.targetStart,
        headStart + Math.min(head.targetEnd, head.targetStart + MAX_PATH),
      ),
      version: `HTTP/1.${head.minorVersion}`,
      referer: shorten(fieldOf(head, bytes, headStart, "referer")),
      agent: shorten(fieldOf(head, bytes, headStart, "user-agent")),
      startMs: nowMs,
      status: 0,
      bytes: 0,
    });
  }

  /** An answer has begun, with so many bytes of its body. */
  first(client: Client, sequence: number, status: number, bodyBytes: number): void {
    let entry = find(client, sequence);
    if (entry === undefined) {
      // A request that could not be parsed.
      const none = { method: "", path: "", version: "", referer: "", agent: "", startMs: monotonicMs() };
      entry = { ...none, sequence, status, bytes: 0 };
      client.logged ??= { address: "-", entries: [] };
      client.logged.entries.push(entry);
    }
    entry.status = status;
    entry.bytes = bodyBytes;
  }

  /** More of the body of an answer. */
  more(client: Client, sequence: number, bytes: number): void {
    const entry = find(client, sequence);
    if (entry !== undefined) entry.bytes += bytes;
  }

  /** An answer is complete. */
  end(client: Client, sequence: number): void {
    const entries = client.logged?.entries ?? [];
    const index = entries.findIndex((entry) => entry.sequence === sequence);
    if (index < 0) return;
    this.#write(client.logged!.address, entries[index]!);
    entries.splice(index, 1);
  }

  /** A client is gone, and with it the requests that were not answered. */
  dropped(client: Client): void {
    if (client.logged === null) return;
    const { address, entries } = client.logged;
    for (const entry of entries) this.#write(address, entry);
    entries.length = 0;
  }

  #write(address: string, entry: LoggedRequest): void {
    const now = Date.now();
    const status = entry.status === 0 ? CLIENT_LEFT : entry.status;
    const tookMs = Math.max(0, monotonicMs() - entry.startMs);
    let line = this.#line(now, address, entry, status, tookMs);
    if (line.length > LINE_BYTES) {
      const shorter = { ...entry, path: entry.path.slice(0, SHORT_PATH), referer: "", agent: "" };
      line = this.#line(now, address, shorter, status, tookMs);
    }
    this.writer.add(line);
  }

  #line(now: number, address: string, entry: LoggedRequest, status: number, tookMs: number): string {
    if (this.#isJson) return jsonLine(this.#isoText(now), address, entry, status, tookMs);
    return this.#combinedLine(now, address, entry, status, tookMs);
  }

  #combinedLine(now: number, address: string, entry: LoggedRequest, status: number, tookMs: number): string {
    const { method, path, version, referer, agent, bytes } = entry;
    const request = method === "" ? "-" : `${method} ${escapeText(path)} ${version}`;
    const fields = `"${escapeText(referer) || "-"}" "${escapeText(agent) || "-"}"`;
    const seconds = (tookMs / 1000).toFixed(3);
    return `${address} - - [${this.#timeText(now)}] "${request}" ${status} ${bytes} ${fields} ${seconds}\n`;
  }

  /** `2026-11-27T22:21:11.123Z`, of which only the end is made each time. */
  #isoText(now: number): string {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.#secondText}${String(now - second * 1000).padStart(3, "0")}Z`;
  }

  /** `27/Nov/2026:22:21:11 +0000`, made once a second. */
  #timeText(now: number): string {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      const text = new Date(now).toISOString();
      const month = MONTHS[Number(text.slice(5, 7)) - 1]!;
      this.#secondText = `${text.slice(8, 10)}/${month}/${text.slice(0, 4)}:${text.slice(11, 19)} +0000`;
    }
    return this.#secondText;
  }
}

function jsonLine(
  now: string,
  address: string,
  entry: LoggedRequest,
  status: number,
  tookMs: number,
): string {
  const { method, path, version, referer, agent, bytes } = entry;
  const request = `"method":"${method}","path":${jsonText(path)},"version":"${version}"`;
  const fields = `"referer":${jsonText(referer)},"agent":${jsonText(agent)}`;
  const ms = Math.round(tookMs * 1000) / 1000;
  return `{"time":"${now}","remote":"${address}",${request},"status":${status},"bytes":${bytes},"ms":${ms},${fields}}\n`;
}

function jsonText(text: string): string {
  return UNSAFE.test(text) ? JSON.stringify(text).replace(ALL_UNSAFE_IN_JSON, unicodeEscape) : `"${text}"`;
}

// Bytes above ASCII are escaped: the line is written as latin-1 and has to be UTF-8.
const ALL_UNSAFE_IN_JSON = /[^ -~]/g;

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const UNSAFE = /[^ !#-[\]-~]/;
const ALL_UNSAFE = /[^ !#-[\]-~]/g;

/** As nginx escapes: `\x0A` for what is not printable ASCII, for quotes and backslashes. */
function escapeText(text: string): string {
  return UNSAFE.test(text) ? text.replace(ALL_UNSAFE, hexEscape) : text;
}

function hexEscape(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function shorten(text: string | null): string {
  return text === null ? "" : text.slice(0, MAX_FIELD);
}

function find(client: Client, sequence: number): LoggedRequest | undefined {
  return client.logged?.entries.find((entry) => entry.sequence === sequence);
}
