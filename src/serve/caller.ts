/**
 * Errors of `serve()` that begin where the program called it: their author looks for a line of the program, and Bun shows the
 * source of the first line of a stack.
 *
 * Any thread.
 */
import { isCodedError } from "../fetch/coded-error.ts";
import type * as Listeners from "../net/listener.ts";

/**
 * Lets the stack of an error that this package has made begin at the caller of `entry`, a function that is being called;
 * gives the error. Others, such as what a getter of the program threw, stay as they are.
 */
export function atCaller(error: unknown, entry: (options: unknown) => unknown): unknown {
  // Their stack must not be read to find out whose they are: Bun then shows it as it was.
  if (isCodedError(error) || isSyscallError(error)) Error.captureStackTrace(error, entry);
  return error;
}

/** With `require`: handler threads load this module, and never listen. */
function isSyscallError(error: unknown): error is Error {
  return error instanceof (require("../net/listener.ts") as typeof Listeners).SyscallError;
}
