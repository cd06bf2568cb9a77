/**
 * The errors that wrong options give.
 *
 * The only place that holds their texts. Those of Bun's own options are, to the letter, what Bun.serve 1.4.5 throws
 * (measured; test/serve/options.test.ts asks the real one again). Thrown on the thread that called `serve()`; knows
 * nothing of how options are read.
 *
 * Bun keeps `code` off the error: between the error and TypeError.prototype stands a prototype with `name`, `code` and
 * `toString`, so that `Object.keys(error)` is empty and `String(error)` is "TypeError [CODE]: message". These errors
 * have the same form.
 */

import { type CodedError, codedPrototype, codedTypeError } from "../fetch/coded-error.ts";

const OUT_OF_RANGE = codedPrototype(RangeError.prototype, "ERR_OUT_OF_RANGE");

/** Makes a TypeError with code ERR_INVALID_ARG_TYPE. */
export function invalidType(message: string): CodedError {
  return codedTypeError(message, "ERR_INVALID_ARG_TYPE");
}

/** Makes a RangeError with code ERR_OUT_OF_RANGE. */
export function outOfRange(message: string): CodedError {
  return Object.setPrototypeOf(new RangeError(message), OUT_OF_RANGE);
}

/** Says that `serve()` was given something other than an object. */
export function optionsNotAnObject(): CodedError {
  return invalidType("Bun.serve expects an object");
}

/** Says that neither `fetch` nor a route that answers was given. */
export function nothingToServe(): CodedError {
  return invalidType(`Bun.serve() needs either:

  - A routes object:
     routes: {
       "/path": {
         GET: (req) => new Response("Hello")
       }
     }

  - Or a fetch handler:
     fetch: (req) => {
       return new Response("Hello")
     }

Learn more at https://bun.com/docs/api/http`);
}

/** Says that `routes` (or `static`) is not an object. */
export function routesNotAnObject(): CodedError {
  return invalidType(`Bun.serve() expects 'routes' to be an object shaped like:

  {
    "/path": {
      GET: (req) => new Response("Hello"),
      POST: (req) => new Response("Hello"),
    },
    "/path2/:param": new Response("Hello"),
    "/path3/:param1/:param2": (req) => new Response("Hello")
  }

Learn more at https://bun.com/docs/api/http`);
}

/** Says that a route's path does not start with a slash. */
export function routePathWithoutSlash(path: string): CodedError {
  return invalidType(`Invalid route "${path}". Path must start with '/'`);
}

/** Says that a route's path has a character outside ASCII. */
export function routePathNotAscii(path: string): CodedError {
  return invalidType(`Invalid route "${path}". Please encode all non-ASCII characters in the path.`);
}

/** Says that a member of the `development` object is not a boolean. */
export function developmentNotABoolean(member: string, value: unknown): CodedError {
  return invalidType(`The "${member}" property must be of type boolean, got ${typeof value}`);
}

/** Says that `fetch` is not a function. */
export function fetchNotAFunction(): CodedError {
  return invalidType("Expected fetch() to be a function");
}

/** Says that `error` or `onNodeHTTPRequest` is not a function. */
export function notAFunction(option: "error" | "onNodeHTTPRequest"): CodedError {
  return invalidType(`Expected ${option} to be a function`);
}

/** Says that `websocket` is not an object. */
export function websocketNotAnObject(): CodedError {
  return invalidType("Expected websocket to be an object");
}

/** Says that `idleTimeout` is not an integer. */
export function idleTimeoutNotAnInteger(): CodedError {
  return invalidType("Bun.serve expects idleTimeout to be an integer");
}

/** Says that `idleTimeout` is more than 255 seconds. */
export function idleTimeoutTooLong(): CodedError {
  return invalidType("Bun.serve expects idleTimeout to be 255 or less");
}

/** Says that `port` is not an integer; `value` is what it became as a number. */
export function portNotAnInteger(value: number): CodedError {
  return outOfRange(`The value of "options.port" is out of range. It must be an integer. Received ${value}`);
}

/** Says that `port` is not from 0 to 65535. */
export function portOutOfRange(value: number): CodedError {
  return outOfRange(
    `The value of "options.port" is out of range. It must be >= 0 and <= 65535. Received ${value}`,
  );
}

/** Says that `hostname` or `unix` is a symbol. */
export function symbolAsAddress(option: "hostname" | "unix"): CodedError {
  return invalidType(`The "${option}" property must be of type string. Received a symbol`);
}

/** Says that `hostname` and `unix` were both given. */
export function hostnameWithUnix(): CodedError {
  return invalidType("Cannot specify both hostname and unix");
}

/** Says that `tls`, or an entry of a `tls` array, is not an object. */
export function tlsNotAnObject(): CodedError {
  return invalidType("TLSOptions must be an object");
}

/** Says that HTTP/3 was asked for without TLS. */
export function http3WithoutTls(): CodedError {
  return invalidType("HTTP/3 requires 'tls' to be set");
}

/** Says that every version of HTTP was turned off. */
export function http1Disabled(): CodedError {
  return invalidType("Cannot disable http1 without enabling http2 or http3");
}

function describe(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : Bun.inspect(value, { depth: 0 });
}

/** Says that one of epollo's own options is of the wrong type; `accepted` completes "must be". */
export function optionOfWrongType(option: string, accepted: string, value: unknown): CodedError {
  return invalidType(`${option} must be ${accepted}, but was ${describe(value)}`);
}

/** Says that one of epollo's own options is out of its range; `accepted` completes "must be". */
export function optionOutOfRange(option: string, accepted: string, value: unknown): CodedError {
  return outOfRange(`${option} must be ${accepted}, but was ${describe(value)}`);
}

/** Says that a group of options has a member that does not exist, and which do. */
export function unknownOption(group: string, name: string, accepted: readonly string[]): CodedError {
  return invalidType(`${group} has no option ${JSON.stringify(name)}; it accepts ${accepted.join(", ")}`);
}

/** Says that `fd` and another option both say where to listen. */
export function fdWithAddress(address: string): CodedError {
  return invalidType(
    `fd is where to listen already, so hostname and unix must not be given, but one was ${describe(address)}`,
  );
}

/** Says that no socket of that name was handed over by the service manager, and which were. */
export function unknownHandedSocket(name: string, handed: readonly string[]): CodedError {
  const there = handed.length === 0 ? "none was" : `there are ${handed.join(", ")}`;
  return invalidType(
    `fd must be the name of a socket that was handed over, but was ${describe(name)}; ${there}`,
  );
}

/** Says that an option is epollo's own, and that the native Bun.serve, which serves these options, does not know it. */
export function notWithNative(option: string, reason: string): CodedError {
  return invalidType(`${option} cannot be used with what the native Bun.serve has to serve: ${reason}`);
}

/** Says that `threads` has a member that does not exist, and which do. */
export function unknownThreadOption(name: string, accepted: readonly string[]): CodedError {
  return unknownOption("threads", name, accepted);
}

/** Says that `observe`, or an object in it, has a member that does not exist, and which do. */
export function unknownObserveOption(option: string, name: string, accepted: readonly string[]): CodedError {
  return invalidType(`${option} has no option ${JSON.stringify(name)}; it accepts ${accepted.join(", ")}`);
}

/** Says that two of the paths that the server answers itself are the same. */
export function ownPathsCollide(first: string, second: string, path: string): CodedError {
  return invalidType(`${first} and ${second} must be different paths, but both were ${JSON.stringify(path)}`);
}

/** Says that `threads.min` is more than `threads.max`. */
export function minAboveMax(min: number, max: number): CodedError {
  return outOfRange(`threads.min must not be more than threads.max, but they were ${min} and ${max}`);
}

/** Says that `handlers` and `threads.handlers` were both given and differ. */
export function handlersGivenTwice(handlers: unknown, threadsHandlers: unknown): CodedError {
  return invalidType(
    `handlers and threads.handlers are the same option, but were ${describe(handlers)} and ${describe(threadsHandlers)}`,
  );
}

/** Says that a route's value is nothing that can answer. */
export function routeValueUnusable(): CodedError {
  return invalidType(`'routes' expects a Record<string, Response | HTMLBundle | {[method: string]: (req: BunRequest) => Response|Promise<Response>}>

To bundle frontend apps on-demand with Bun.serve(), import HTML files.

Example:

\`\`\`js
import { serve } from "bun";
import app from "./app.html";

serve({
  routes: {
    "/index.json": Response.json({ message: "Hello World" }),
    "/app": app,
    "/path/:param": (req) => {
      const param = req.params.param;
      return Response.json({ message: \`Hello \${param}\` });
    },
    "/path": {
      GET(req) {
        return Response.json({ message: "Hello World" });
      },
      POST(req) {
        return Response.json({ message: "Hello World" });
      },
    },
  },

  fetch(request) {
    return new Response("fallback response");
  },
});
\`\`\`

See https://bun.com/docs/api/http for more information.`);
}

/** Makes the Error named TODOError that Bun throws for what it does not do yet. */
function notYet(what: string): Error {
  const message = `${what}\n\nIf you run into this, please file an issue and we will add support for it.`;
  return Object.assign(new Error(message), { name: "TODOError" });
}

/** Says that two parameters of a route have the same name. */
export function routeParamTwice(): Error {
  return notYet("Support for duplicate route parameter names is not yet implemented.");
}

/** Says that the name of a route's parameter starts with a digit. */
export function routeParamStartsWithDigit(): Error {
  return notYet("Route parameter names cannot start with a number.");
}

/** Says that a Response given as a route was read already. */
export function routeBodyUsed(): CodedError {
  return invalidType("Response body has already been used");
}

/** Says that the body of a Response given as a route is a stream. */
export function routeBodyStreams(): CodedError {
  return invalidType(
    "Body must be fully buffered before it can be used in a static route. Consider calling new Response(await response.blob()) to buffer the body.",
  );
}

/** Says that a Response given as a route is `Response.error()`. */
export function routeStatusZero(): CodedError {
  return invalidType(
    "Cannot use a Response with status 0 as a static route. HTTP status codes must be between 100 and 999 (Response.error() returns status 0).",
  );
}

/** Says that a member of a directory route is not a string. */
export function routeMemberNotAString(member: "dir" | "index", value: unknown): CodedError {
  return invalidType(`The "${member}" property must be of type string, got ${typeof value}`);
}

/** Says that a directory route's path does not end in a wildcard. */
export function directoryPathWithoutWildcard(): CodedError {
  return invalidType("To mount a directory, make sure the path ends in `/*`");
}

/** Says that a directory route's path has parameters. */
export function directoryPathWithParams(): CodedError {
  return invalidType("Directory routes do not support :parameters; use a fixed prefix ending in `/*`");
}

/**
 * Says that a directory could not be opened; the members are Bun's, in its order.
 *
 * @param code name of the error, e.g. "ENOENT"
 * @param errno its number, negative
 * @param reason text of the error, e.g. "no such file or directory"
 * @param path as given; "" is left out, as by Bun
 */
export function directoryNotOpened(code: string, errno: number, reason: string, path: string): Error {
  const message = `${code}: ${reason}, open${path === "" ? "" : ` '${path}'`}`;
  const place = path === "" ? {} : { path };
  return Object.assign(new Error(message), { code, ...place, syscall: "open", errno });
}
