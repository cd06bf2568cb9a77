/**
 * llhttp as undici carries it, compiled to wasm: the parser of Node, of undici and of many others, for comparison with
 * our own (bench/parser.ts). Its spans are noted as offsets, as our parser notes them: no strings are made on either side.
 *
 * wasm has a memory of its own: the bytes are copied into it first, as everyone who uses it must.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

interface Exports {
  readonly memory: WebAssembly.Memory;
  malloc(bytes: number): number;
  llhttp_alloc(type: number): number;
  llhttp_execute(parser: number, address: number, length: number): number;
}

/** `HTTP_REQUEST` of llhttp.h. */
const TYPE_REQUEST = 1;
const CAPACITY_BYTES = 65_536;

/** A parser of requests. */
export class Llhttp {
  /** How many messages have ended. */
  completed = 0;
  /** Start and length of each span of the last request. */
  readonly spans: Int32Array = new Int32Array(512);
  #spanCount = 0;
  readonly #exports: Exports;
  readonly #parser: number;
  readonly #address: number;
  readonly #memory: Uint8Array;

  constructor() {
    const module = new WebAssembly.Module(readWasm());
    const span = (_parser: number, at: number, length: number): number => {
      this.spans[this.#spanCount++] = at;
      this.spans[this.#spanCount++] = length;
      return 0;
    };
    const nothing = (): number => 0;
    const instance = new WebAssembly.Instance(module, {
      env: {
        wasm_on_message_begin: () => {
          this.#spanCount = 0;
          return 0;
        },
        wasm_on_url: span,
        wasm_on_status: nothing,
        wasm_on_header_field: span,
        wasm_on_header_value: span,
        wasm_on_headers_complete: nothing,
        wasm_on_body: span,
        wasm_on_message_complete: () => {
          this.completed++;
          return 0;
        },
      },
    });
    this.#exports = instance.exports as unknown as Exports;
    this.#parser = this.#exports.llhttp_alloc(TYPE_REQUEST);
    this.#address = this.#exports.malloc(CAPACITY_BYTES);
    this.#memory = new Uint8Array(this.#exports.memory.buffer, this.#address, CAPACITY_BYTES);
  }

  /**
   * Copies bytes in and parses them.
   *
   * @throws Error with llhttp's error number
   */
  execute(bytes: Uint8Array): void {
    this.#memory.set(bytes);
    const error = this.#exports.llhttp_execute(this.#parser, this.#address, bytes.length);
    if (error !== 0) throw new Error(`llhttp: error ${error}`);
  }
}

/** The wasm module's bytes, out of the source text: Bun puts a module of its own in place of `undici`, so it is not imported. */
export function readWasm(): Uint8Array<ArrayBuffer> {
  const found = createRequire(import.meta.url).resolve("undici/lib/llhttp/llhttp_simd-wasm.js");
  const encoded = /wasmBase64 = '([^']+)'/.exec(readFileSync(found, "latin1"))?.[1];
  if (encoded === undefined) throw new Error(`${found} has no wasm in it`);
  return new Uint8Array(Buffer.from(encoded, "base64"));
}
