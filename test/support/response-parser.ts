/**
 * A strict HTTP/1.1 response parser for tests (RFC 9112), written apart from the server's own code so that a
 * mistake in the one is not repeated in the other.
 *
 * Pure: bytes in, a response or null (more bytes needed) out. It throws on whatever a careful client would
 * reject: bare LF, a field line without a colon, two Content-Length lines, Content-Length beside
 * Transfer-Encoding, a bad chunk, a body where none may be.
 */

/** A response as it was on the wire. */
export interface RawResponse {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names; repeated fields joined with ", ", Set-Cookie apart in `cookies`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  /** The status line and the field lines, without line ends. */
  readonly lines: readonly string[];
  readonly body: Buffer;
  /** The body decoded as UTF-8. */
  readonly text: string;
  /** How the end of the body was found. */
  readonly framing: "none" | "length" | "chunked" | "close";
  /** Number of chunks with content; 0 unless chunked. */
  readonly chunkCount: number;
  /** Bytes of the whole response on the wire. */
  readonly byteLength: number;
}

interface Body {
  readonly bytes: Buffer;
  readonly end: number;
  readonly chunkCount: number;
}

const STATUS_LINE = /^HTTP\/1\.1 (\d{3}) ([\x20-\x7e]*)$/;
const FIELD_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/;

/**
 * Parses the first response in `bytes`. `method` is that of the request it answers; `hasEnded` says that no more
 * bytes will come. Returns null when more bytes are needed; throws an Error for a malformed response.
 */
export function parseResponse(bytes: Buffer, method: string, hasEnded: boolean): RawResponse | null {
  const headEnd = bytes.indexOf("\r\n\r\n", 0, "latin1");
  if (headEnd < 0) return null;
  const lines = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const statusLine = STATUS_LINE.exec(lines[0]!);
  if (statusLine === null) throw new Error(`bad status line ${JSON.stringify(lines[0])}`);
  const status = Number(statusLine[1]);
  const headers: Record<string, string> = Object.create(null);
  const cookies: string[] = [];
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    const field = FIELD_LINE.exec(line);
    if (field === null || /[\r\n\0]/.test(line)) throw new Error(`bad field line ${JSON.stringify(line)}`);
    const name = field[1]!.toLowerCase();
    const value = field[2]!;
    if (name === "set-cookie") cookies.push(value);
    else if (headers[name] === undefined) headers[name] = value;
    else if (name === "content-length" || name === "date" || name === "transfer-encoding")
      throw new Error(`more than one ${name} line: ${JSON.stringify(lines)}`);
    else headers[name] += `, ${value}`;
  }
  const framing = chooseFraming(status, method, headers);
  const body = readBody(bytes, headEnd + 4, framing, headers, hasEnded);
  if (body === null) return null;
  let text: string | undefined;
  return {
    status,
    reason: statusLine[2]!,
    headers,
    cookies,
    lines,
    body: body.bytes,
    get text(): string {
      text ??= body.bytes.toString("utf8");
      return text;
    },
    framing,
    chunkCount: body.chunkCount,
    byteLength: body.end,
  };
}

/** RFC 9112 section 6.3, for a client. */
function chooseFraming(
  status: number,
  method: string,
  headers: Readonly<Record<string, string>>,
): RawResponse["framing"] {
  const length = headers["content-length"];
  const coding = headers["transfer-encoding"];
  if (length !== undefined && !/^\d+$/.test(length)) throw new Error(`bad Content-Length ${length}`);
  if (length !== undefined && coding !== undefined)
    throw new Error("Content-Length beside Transfer-Encoding");
  if (coding !== undefined && coding.toLowerCase() !== "chunked")
    throw new Error(`bad Transfer-Encoding ${coding}`);
  if ((status < 200 || status === 204) && (length !== undefined || coding !== undefined))
    throw new Error(`a ${status} with ${length === undefined ? "Transfer-Encoding" : "Content-Length"}`);
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return "none";
  if (coding !== undefined) return "chunked";
  return length === undefined ? "close" : "length";
}

function readBody(
  bytes: Buffer,
  start: number,
  framing: RawResponse["framing"],
  headers: Readonly<Record<string, string>>,
  hasEnded: boolean,
): Body | null {
  if (framing === "none") return { bytes: Buffer.alloc(0), end: start, chunkCount: 0 };
  if (framing === "chunked") return readChunks(bytes, start);
  if (framing === "close") {
    if (!hasEnded) return null;
    return { bytes: Buffer.from(bytes.subarray(start)), end: bytes.length, chunkCount: 0 };
  }
  const end = start + Number(headers["content-length"]);
  if (bytes.length < end) return null;
  return { bytes: Buffer.from(bytes.subarray(start, end)), end, chunkCount: 0 };
}

function readChunks(bytes: Buffer, start: number): Body | null {
  const chunks: Buffer[] = [];
  let position = start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", position, "latin1");
    if (lineEnd < 0) return null;
    const sizeText = bytes.toString("latin1", position, lineEnd);
    if (!/^[0-9a-fA-F]+$/.test(sizeText)) throw new Error(`bad chunk size ${JSON.stringify(sizeText)}`);
    const size = Number.parseInt(sizeText, 16);
    position = lineEnd + 2;
    if (bytes.length < position + size + 2) return null;
    if (bytes.toString("latin1", position + size, position + size + 2) !== "\r\n")
      throw new Error("chunk not ended by CRLF");
    if (size === 0) return { bytes: Buffer.concat(chunks), end: position + 2, chunkCount: chunks.length };
    chunks.push(Buffer.from(bytes.subarray(position, position + size)));
    position += size + 2;
  }
}
