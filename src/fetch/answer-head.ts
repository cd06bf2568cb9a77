/**
 * The head of an answer as it goes on the wire: status line, fields, Date, and what frames the body.
 *
 * Runs on the thread that runs the handler. Pure but for the clock it is given. Names are in lower case, as `Headers`
 * keeps them; BUN-SERVE.md section 8.1 is the reference for what is added and what is left out.
 */
import { HttpDate } from "../http/date.ts";
import { reasonPhrase } from "../http/status.ts";

/** How the end of a body is marked. */
export const FRAMING_NONE = -1;
/** `Transfer-Encoding: chunked`. */
export const FRAMING_CHUNKED = -2;
/** The end of the connection. */
export const FRAMING_CLOSE = -3;

const date = new HttpDate();
/** Heads of one status, type and second, by the length of the body: of text, and of what `Response.json` makes. */
const KEPT_LENGTHS = 1024;
const keptText: string[] = [];
const keptJson: string[] = [];
let keptDate = "";
/** Type of what `Response.json` makes. */
export const JSON_TYPE = "application/json;charset=utf-8";
/** Type of a string body, and of one of which no more is known. */
export const TEXT_TYPE = "text/plain;charset=utf-8";

/** The head of an answer, and whether its fields ask to close the connection. */
export interface AnswerHead {
  readonly text: string;
  readonly closes: boolean;
}

const plain: { text: string; closes: boolean } = { text: "", closes: false };

/**
 * Makes the head.
 *
 * @param headers the response's fields, or null where it has none
 * @param impliedType Content-Type to send when the response has none; "" for none
 * @param framing body length in bytes, or `FRAMING_*`
 * @param extra further field lines, each with its CRLF
 * @param nowMs wall clock (`Date.now()`), for Date
 * @returns an object that is valid until the next call
 */
export function answerHead(
  status: number,
  headers: Headers | null,
  impliedType: string,
  framing: number,
  nowMs: number,
  extra: string = "",
): AnswerHead {
  const dateText = date.format(nowMs);
  if (status === 200 && extra === "" && framing >= 0 && framing < KEPT_LENGTHS) {
    // The commonest of all: `new Response("text")` and `Response.json(value)`.
    const type = headers === null ? impliedType : onlyTypeOf(headers);
    const kept = type === TEXT_TYPE ? keptText : type === JSON_TYPE ? keptJson : null;
    if (kept !== null) {
      if (dateText !== keptDate) {
        keptDate = dateText;
        keptText.length = 0;
        keptJson.length = 0;
      }
      kept[framing] ??=
        `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\nDate: ${dateText}\r\nContent-Length: ${framing}\r\n\r\n`;
      plain.text = kept[framing]!;
      plain.closes = false;
      return plain;
    }
  }
  let text = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
  let hasDate = false;
  let hasType = false;
  let closes = framing === FRAMING_CLOSE;
  if (headers !== null) {
    const fields = headers.toJSON() as Record<string, string | string[]>;
    for (const name in fields) {
      const value = fields[name]!;
      switch (name) {
        case "set-cookie":
          for (const cookie of value as string[]) text += `set-cookie: ${cookie}\r\n`;
          continue;
        case "content-length":
          if (framing !== FRAMING_NONE || status !== 304) continue;
          break;
        case "transfer-encoding":
          continue;
        case "connection":
          if (/(?:^|,)\s*close\s*(?:,|$)/i.test(value as string)) closes = true;
          break;
        case "date":
          hasDate = true;
          break;
        case "content-type":
          hasType = value !== "";
          if (!hasType) continue;
          break;
      }
      text += `${name}: ${value}\r\n`;
    }
  }
  if (!hasType && impliedType !== "") text += `content-type: ${impliedType}\r\n`;
  text += extra;
  if (!hasDate) text += `Date: ${dateText}\r\n`;
  if (framing >= 0) text += `Content-Length: ${framing}\r\n`;
  else if (framing === FRAMING_CHUNKED) text += "Transfer-Encoding: chunked\r\n";
  plain.text = text + "\r\n";
  plain.closes = closes;
  return plain;
}

/**
 * Makes the head of a body in memory whose fields are `lines`, each with its CRLF: neither Date nor what frames a body is among them.
 *
 * @param impliedType Content-Type to send after them; "" for none
 * @param length of the body in bytes
 * @param nowMs wall clock (`Date.now()`), for Date
 */
export function linesHead(
  status: number,
  lines: string,
  impliedType: string,
  length: number,
  nowMs: number,
): string {
  if (lines === "") return answerHead(status, null, impliedType, length, nowMs).text;
  const type = impliedType === "" ? "" : `content-type: ${impliedType}\r\n`;
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${lines}${type}Date: ${date.format(nowMs)}\r\nContent-Length: ${length}\r\n\r\n`;
}

/** The Content-Type of fields that hold nothing else, or "". */
function onlyTypeOf(headers: Headers): string {
  if ((headers as Headers & { readonly count: number }).count !== 1) return "";
  return headers.get("content-type") ?? "";
}
