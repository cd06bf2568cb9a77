/**
 * What llhttp, the parser of Node, makes of bytes: the requests in them, for comparison with our own parser's.
 *
 * It is undici's copy, compiled to wasm (bench/support/llhttp.ts), with default settings: strict, as Node has it.
 */
import { readWasm } from "../../bench/support/llhttp.ts";

/** A whole request, or the beginning of the last one. Texts are latin-1. */
export interface Message {
  method: string;
  target: string;
  minorVersion: number;
  /** Name (lower case) and value (without spaces around it) of each field of the head; trailers are left out. */
  fields: [string, string][];
  body: string;
  /** Whether its end was reached. */
  isWhole: boolean;
  /** Whether its head was. */
  hasHead: boolean;
}

/** The requests in some bytes. */
export interface Reading {
  readonly messages: readonly Message[];
  /** Name of the error that ended it; "" when there was none. */
  readonly error: string;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  malloc(bytes: number): number;
  free(address: number): void;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_execute(parser: number, address: number, length: number): number;
  llhttp_get_method(parser: number): number;
  llhttp_get_http_minor(parser: number): number;
  llhttp_method_name(method: number): number;
  llhttp_errno_name(error: number): number;
}

const TYPE_REQUEST = 1;

let messages: Message[] = [];
let isHeadOver = false;
let isValueLast = true;

function text(address: number, length: number): string {
  return Buffer.from(exports.memory.buffer, address, length).toString("latin1");
}

function cText(address: number): string {
  const bytes = Buffer.from(exports.memory.buffer);
  return bytes.toString("latin1", address, bytes.indexOf(0, address));
}

const last = (): Message => messages.at(-1)!;
const instance = new WebAssembly.Instance(new WebAssembly.Module(readWasm()), {
  env: {
    wasm_on_message_begin: () => {
      isHeadOver = false;
      isValueLast = true;
      messages.push({
        method: "",
        target: "",
        minorVersion: -1,
        fields: [],
        body: "",
        isWhole: false,
        hasHead: false,
      });
      return 0;
    },
    wasm_on_url: (_: number, at: number, length: number) => {
      last().target += text(at, length);
      return 0;
    },
    wasm_on_status: () => 0,
    // Names and values come in pieces.
    wasm_on_header_field: (_: number, at: number, length: number) => {
      if (isHeadOver) return 0;
      if (isValueLast) last().fields.push(["", ""]);
      isValueLast = false;
      last().fields.at(-1)![0] += text(at, length);
      return 0;
    },
    wasm_on_header_value: (_: number, at: number, length: number) => {
      if (isHeadOver) return 0;
      isValueLast = true;
      last().fields.at(-1)![1] += text(at, length);
      return 0;
    },
    wasm_on_headers_complete: (parser: number) => {
      const message = last();
      isHeadOver = true;
      message.hasHead = true;
      message.method = cText(exports.llhttp_method_name(exports.llhttp_get_method(parser)));
      message.minorVersion = exports.llhttp_get_http_minor(parser);
      message.fields = message.fields.map(([name, value]) => [name.toLowerCase(), trimmed(value)]);
      return 0;
    },
    wasm_on_body: (_: number, at: number, length: number) => {
      last().body += text(at, length);
      return 0;
    },
    wasm_on_message_complete: () => {
      last().isWhole = true;
      return 0;
    },
  },
});
const exports: Exports = instance.exports as unknown as Exports;
(exports as unknown as { _initialize?: () => void })._initialize?.();

/** Removes spaces and tabs from both ends. */
export function trimmed(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, "");
}

/** Reads all requests in some bytes. */
export function readWithLlhttp(bytes: Uint8Array): Reading {
  messages = [];
  const parser = exports.llhttp_alloc(TYPE_REQUEST);
  const address = exports.malloc(bytes.length + 1);
  Buffer.from(exports.memory.buffer).set(bytes, address);
  const code = exports.llhttp_execute(parser, address, bytes.length);
  const error = code === 0 ? "" : cText(exports.llhttp_errno_name(code));
  exports.free(address);
  exports.llhttp_free(parser);
  return { messages, error };
}
