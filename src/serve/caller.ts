/**
 * Errors of `serve()` that begin where the program called it: their author looks for a line of the program, and Bun shows the
 * source of the first line of a stack.
 *
 * Any thread.
 */
import { isCodedError } from "../fetch/coded-error.ts";
import { SyscallError } from "../net/listener.ts";

/**
 * Lets the stack of an error that this package has made begin at the caller of `entry`, a function that is being called;
 * gives the error. Others, such as what a getter of the program threw, stay as they are.
 */
export function atCaller(error: unknown, entry: (options: unknown) => unknown): unknown {
  // Their stack must not be read to find out whose they are: Bun then shows it as it was.
  if (isCodedError(error) || error instanceof SyscallError) Error.captureStackTrace(error, entry);
  return error;
}
