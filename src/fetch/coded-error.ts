/**
 * Errors that carry a machine-readable code, in the form of Bun's own argument errors.
 *
 * Any thread. Knows nothing of what went wrong: texts are with those who throw. Bun keeps `code` off the error: between
 * the error and TypeError.prototype stands a prototype with `name`, `code` and `toString`, so that `Object.keys(error)`
 * is empty and `String(error)` is "TypeError [CODE]: message" (measured, Bun 1.4.5).
 */

/** An error with a machine-readable code on its prototype. */
export type CodedError = Error & { readonly code: string };

/** The codes that are in use. */
export type TypeErrorCode =
  | "ERR_BODY_ALREADY_USED"
  | "ERR_INVALID_ARG_TYPE"
  | "ERR_INVALID_THIS"
  | "ERR_MISSING_ARGS";

const prototypes = new WeakSet<object>();

/** Makes the prototype that errors of one class and code share. */
export function codedPrototype(base: Error, code: string): object {
  function describeWithCode(this: Error): string {
    return `${this.name} [${code}]: ${this.message}`;
  }
  const plain = { writable: true, enumerable: true, configurable: true };
  const prototype = Object.create(base, {
    name: { value: base.name, ...plain },
    code: { value: code, ...plain },
    toString: { value: describeWithCode, ...plain },
  }) as object;
  prototypes.add(prototype);
  return prototype;
}

/** Whether an error has a prototype that was made here; Bun's own coded errors have not. */
export function isCodedError(error: unknown): error is CodedError {
  return error instanceof Error && prototypes.has(Object.getPrototypeOf(error));
}

const PROTOTYPES: Readonly<Record<TypeErrorCode, object>> = {
  ERR_BODY_ALREADY_USED: codedPrototype(TypeError.prototype, "ERR_BODY_ALREADY_USED"),
  ERR_INVALID_ARG_TYPE: codedPrototype(TypeError.prototype, "ERR_INVALID_ARG_TYPE"),
  ERR_INVALID_THIS: codedPrototype(TypeError.prototype, "ERR_INVALID_THIS"),
  ERR_MISSING_ARGS: codedPrototype(TypeError.prototype, "ERR_MISSING_ARGS"),
};

/** Makes a TypeError with a code. */
export function codedTypeError(message: string, code: TypeErrorCode): CodedError {
  return Object.setPrototypeOf(new TypeError(message), PROTOTYPES[code]);
}
