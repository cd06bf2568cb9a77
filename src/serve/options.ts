/**
 * Turns what `serve()` was given into a frozen value that the rest of the server can trust.
 *
 * Runs on the thread that called `serve()`, once per call; no I/O, no threads. Each option is read once, in the order
 * in which Bun.serve 1.4.5 reads them (measured with a Proxy), and checked when it is read, so the first of several
 * mistakes is the one that Bun would have named. Texts are in errors.ts.
 *
 * What epollo does not serve itself goes to the native Bun.serve, which then reads the options again and finds its own
 * mistakes: as soon as there is a reason to delegate, a mistake found later here is left for it to report. The checks
 * of epollo's own options come last and always count, since Bun knows nothing of them.
 */
import type { OptionEnvironment } from "./environment.ts";
import * as errors from "./errors.ts";
import { resolveFd } from "./fd-option.ts";
import { type ResolvedHealth, resolveHealth } from "./health-options.ts";
import { type ResolvedLimits, resolveLimits } from "./limit-options.ts";
import { isAsked, withoutEffect } from "./native-options.ts";
import { type ResolvedObserve, resolveObserve } from "./observe-options.ts";
import { resolveProxyProtocol } from "./proxy-options.ts";
import { type ResolvedRoutes, resolveRoutes } from "./routes.ts";
import { type Placement, resolvePlacement } from "./thread-options.ts";

/** A user's `fetch`: called with the server as `this`, the request and the server. */
export type FetchHandler = (this: unknown, request: Request, server: unknown) => unknown;

/** A user's `error`: called with the server as `this` and what was thrown. */
export type ErrorHandler = (this: unknown, error: unknown) => unknown;

/** Checked options with every default filled in. Frozen. */
export interface ResolvedOptions extends Placement {
  /** What clients are held to. */
  readonly limits: ResolvedLimits;
  /**
   * Why these options go to the native Bun.serve, in words; null when epollo serves them. If it is not null, the
   * options after the one that was the reason may have kept their defaults.
   */
  readonly needsNative: string | null;
  /** The `fetch` handler; null when there are only routes. */
  readonly fetch: FetchHandler | null;
  /** The `error` handler; null when there is none. */
  readonly error: ErrorHandler | null;
  /** The port, 0 to 65535; 0: any free one. Of no meaning with `unix`. */
  readonly port: number;
  /** The address or name to listen on, as given; undefined: all addresses, IPv6 and IPv4. */
  readonly hostname: string | undefined;
  /** Path of the unix socket, "\0name" for an abstract one; undefined: TCP. */
  readonly unix: string | undefined;
  /** Whether SO_REUSEPORT is set. */
  readonly reusePort: boolean;
  /** Whether IPV6_V6ONLY is set. */
  readonly ipv6Only: boolean;
  /** Seconds, 0 to 255; 0: no limit. Default 10. */
  readonly idleTimeoutSeconds: number;
  /** Whether that was given, and is not the default. */
  readonly isIdleTimeoutGiven: boolean;
  /** Bytes, 0 to 2^53-1. 0: every request with a body is refused. Default 134217728. */
  readonly maxRequestBodyBytes: number;
  /** Whether error pages may show what happened. */
  readonly isDevelopment: boolean;
  /** The server's id, "" when not given. */
  readonly id: string;
  /** Own enumerable `routes`, each read once, undefined values and "" left out; null when none is left. */
  readonly routes: Readonly<Record<string, unknown>> | null;
  /** The same, checked and sorted; null without routes. */
  readonly resolvedRoutes: ResolvedRoutes | null;
  /** `websocket` as given; null when there is none. */
  readonly websocket: object | null;
  /** `tls` as given; null when no TLS field is set. The options themselves when the fields lie at top level. */
  readonly tls: object | null;
  /** Whether HTTP/1.1 is served. Default true. */
  readonly http1: boolean;
  /** Whether HTTP/2 is served. Default false. */
  readonly http2: boolean;
  /** Whether HTTP/3 is served. Default false. */
  readonly http3: boolean;
  /** What the server shows of itself. */
  readonly observe: ResolvedObserve;
  /** Where the server says how it is. */
  readonly health: ResolvedHealth;
  /** A listening socket that the process was started with, or its name; null: the options say where to listen. */
  readonly fd: number | string | null;
  /** Whose connections begin with a header of the PROXY protocol; null for nobody's. */
  readonly proxies: readonly string[] | null;
  /** epollo's own options that were given and have no effect, since the native Bun.serve serves. */
  readonly ignored: readonly string[];
}

/** The groups of options that Bun.serve does not have. */
type OwnGroups = keyof Placement | "limits" | "observe" | "health" | "proxies" | "fd" | "ignored";
type Draft = { -readonly [Name in keyof Omit<ResolvedOptions, OwnGroups>]: ResolvedOptions[Name] };
type Given = Readonly<Record<string, unknown>>;

/** Bytes of a request body at most, unless `maxRequestBodySize` says otherwise. */
export const DEFAULT_MAX_REQUEST_BODY_BYTES = 134_217_728;

/** Seconds of silence after which a client is closed, unless `idleTimeout` says otherwise. */
export const DEFAULT_IDLE_TIMEOUT_SECONDS = 10;

/**
 * Checks the options of `serve()` and fills in the defaults.
 *
 * @throws TypeError or RangeError as Bun.serve throws them (code ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE), the same for
 * epollo's own options, and whatever a getter of the options throws
 */
export function resolveOptions(options: unknown, environment: OptionEnvironment): ResolvedOptions {
  if ((typeof options !== "object" && typeof options !== "function") || options === null) {
    throw errors.optionsNotAnObject();
  }
  const given = options as Given;
  const draft: Draft = {
    needsNative:
      environment.platform === "linux" ? null : `epollo needs Linux, this is ${environment.platform}`,
    fetch: null,
    error: null,
    port: -1,
    hostname: undefined,
    unix: undefined,
    reusePort: environment.isClusterChild,
    ipv6Only: false,
    idleTimeoutSeconds: DEFAULT_IDLE_TIMEOUT_SECONDS,
    isIdleTimeoutGiven: false,
    maxRequestBodyBytes: DEFAULT_MAX_REQUEST_BODY_BYTES,
    isDevelopment: !environment.isProduction,
    id: "",
    routes: null,
    resolvedRoutes: null,
    websocket: null,
    tls: null,
    http1: true,
    http2: false,
    http3: false,
  };
  try {
    readOptions(given, draft);
  } catch (mistake) {
    if (draft.needsNative === null) throw mistake;
  }
  const placement = resolvePlacement(given.handlers, given.threads, environment);
  const limits = resolveLimits(given.limits);
  const observe = resolveObserve(given.observe);
  const own = { health: given.health, proxyProtocol: given.proxyProtocol, fd: given.fd };
  const isNative = draft.needsNative !== null && environment.platform === "linux";
  const ignored = isNative ? withoutEffect(given, draft.needsNative as string) : [];
  const fd = resolveFd(own.fd, draft.unix ?? draft.hostname);
  const health = resolveHealth(own.health, observe.metricsPath, observe.pagePath);
  const proxies = resolveProxyProtocol(own.proxyProtocol);
  if (isNative) {
    for (const [name, value] of Object.entries(own)) {
      if (isAsked(value)) throw errors.notWithNative(name, draft.needsNative as string);
    }
  }
  if (draft.port < 0) draft.port = environment.defaultPort;
  return Object.freeze({ ...draft, ...placement, ignored, limits, observe, health, proxies, fd });
}

/** The order of the steps, and of the reads inside them, is Bun's. */
function readOptions(given: Given, draft: Draft): void {
  readDevelopment(given.development, draft);
  const routes = given.routes;
  const canAnswer = readRoutes(routes === undefined ? given.static : routes, draft);
  readIdleTimeout(given.idleTimeout, draft);
  readWebsocket(given.webSocket ?? given.websocket, draft);
  readAddress(given, draft);
  readProtocols(given, draft);
  readMaxRequestBodySize(given.maxRequestBodySize, draft);
  readHandlers(given, canAnswer, draft);
  readTls(given, draft);
}

function delegate(draft: Draft, reason: string): void {
  draft.needsNative ??= reason;
}

function readDevelopment(development: unknown, draft: Draft): void {
  if (development === undefined) return;
  draft.isDevelopment = Boolean(development);
  // Bun's rule for `development: false`, explicit only; NODE_ENV does not do it.
  if (!development) draft.reusePort = true;
  if (!isObject(development)) return;
  for (const member of ["hmr", "console", "chromeDevToolsAutomaticWorkspaceFolders"]) {
    const value = (development as Given)[member];
    if (value !== undefined && typeof value !== "boolean") throw errors.developmentNotABoolean(member, value);
  }
}

/** Returns whether a route was given that can answer: `false` alone is not enough to start a server. */
function readRoutes(routes: unknown, draft: Draft): boolean {
  if (routes === undefined) return false;
  if (!isObject(routes)) throw errors.routesNotAnObject();
  // Bun takes an array for "no routes".
  if (Array.isArray(routes)) return false;
  const snapshot: Record<string, unknown> = Object.create(null);
  let canAnswer = false;
  for (const path of Object.keys(routes)) {
    if (path === "") continue;
    const value = (routes as Given)[path];
    if (value === undefined) continue;
    const isPath = path.startsWith("/");
    if (!isPath || /[^\0-\x7f]/.test(path)) {
      // The first mistake counts: it may be in a value before this path.
      if (draft.needsNative === null) resolveRoutes(snapshot);
      throw isPath ? errors.routePathNotAscii(path) : errors.routePathWithoutSlash(path);
    }
    snapshot[path] = value;
    draft.routes = snapshot;
    if (value === false) continue;
    canAnswer = true;
    if (Object.prototype.toString.call(value) === "[object HTMLBundle]") draft.needsNative = "an HTML route";
  }
  if (draft.routes !== null && draft.needsNative === null) {
    const resolved = resolveRoutes(draft.routes);
    if (resolved.needsNative !== null) delegate(draft, resolved.needsNative);
    draft.resolvedRoutes = resolved;
  }
  return canAnswer;
}

function readIdleTimeout(seconds: unknown, draft: Draft): void {
  if (seconds === undefined || seconds === null) return;
  // JavaScriptCore's isAnyInt: 52 bits, and -0 is not an integer.
  if (!Number.isInteger(seconds) || Object.is(seconds, -0)) throw errors.idleTimeoutNotAnInteger();
  const integer = seconds as number;
  if (integer < -(2 ** 51) || integer >= 2 ** 51) throw errors.idleTimeoutNotAnInteger();
  if (integer > 255) throw errors.idleTimeoutTooLong();
  draft.idleTimeoutSeconds = Math.max(0, integer);
  draft.isIdleTimeoutGiven = true;
}

function readWebsocket(websocket: unknown, draft: Draft): void {
  if (isAbsent(websocket)) return;
  if (!isObject(websocket)) throw errors.websocketNotAnObject();
  draft.websocket = websocket;
  delegate(draft, "websocket");
}

function readAddress(given: Given, draft: Draft): void {
  const port = given.port;
  if (!isAbsent(port)) {
    // Unary plus, not Number(): a BigInt has to throw.
    const number = +(port as number);
    if (!Number.isInteger(number)) throw errors.portNotAnInteger(number);
    if (number < 0 || number > 65535) throw errors.portOutOfRange(number);
    draft.port = number + 0;
  }
  readString(given.baseURI);
  draft.hostname = readPlace("hostname", given.hostname) ?? readPlace("hostname", given.host);
  draft.unix = readPlace("unix", given.unix);
  if (draft.unix !== undefined && draft.hostname !== undefined) throw errors.hostnameWithUnix();
  draft.id = readString(given.id);
}

function readPlace(option: "hostname" | "unix", value: unknown): string | undefined {
  if (value === undefined || value === null || value === false) return undefined;
  if (typeof value === "symbol") throw errors.symbolAsAddress(option);
  return String(value) || undefined;
}

/** Converts like a string is concatenated: a symbol throws, which String() would not. */
function readString(value: unknown): string {
  return value === undefined || value === null ? "" : `${value}`;
}

function readProtocols(given: Given, draft: Draft): void {
  const reusePort = given.reusePort;
  if (reusePort !== undefined) draft.reusePort = Boolean(reusePort);
  draft.ipv6Only = Boolean(given.ipv6Only);
  draft.http3 = Boolean(given.http3);
  draft.http2 = Boolean(given.http2);
  const http1 = given.http1;
  draft.http1 = http1 === undefined || Boolean(http1);
  if (draft.http2) delegate(draft, "http2");
}

function readMaxRequestBodySize(bytes: unknown, draft: Draft): void {
  // Anything but a number is ignored; NaN and negative numbers mean 0.
  if (typeof bytes !== "number") return;
  draft.maxRequestBodyBytes = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.trunc(bytes) || 0));
}

/** Tells whether `handlers` names a module: its default export has the functions, so none is needed here. */
function namesModule(handlers: unknown, threads: unknown): boolean {
  const named = handlers ?? (isObject(threads) ? (threads as Given).handlers : undefined);
  return named instanceof URL || (typeof named === "string" && named !== "pool" && named !== "main");
}

function readHandlers(given: Given, canAnswer: boolean, draft: Draft): void {
  const error = given.error;
  if (!isAbsent(error)) {
    if (typeof error !== "function") throw errors.notAFunction("error");
    draft.error = error as ErrorHandler;
  }
  const onNodeHTTPRequest = given.onNodeHTTPRequest;
  if (!isAbsent(onNodeHTTPRequest)) {
    if (typeof onNodeHTTPRequest !== "function") throw errors.notAFunction("onNodeHTTPRequest");
    delegate(draft, "node:http");
  }
  const fetch = given.fetch;
  if (!isAbsent(fetch)) {
    if (typeof fetch !== "function") throw errors.fetchNotAFunction();
    draft.fetch = fetch as FetchHandler;
  } else if (!canAnswer && !namesModule(given.handlers, given.threads)) {
    throw errors.nothingToServe();
  }
}

/** Every field of TLSOptions, in Bun's order of reading. One that is set is enough to ask for TLS. */
const TLS_FIELDS: readonly string[] = (
  "passphrase dhParamsFile serverName servername lowMemoryMode rejectUnauthorized requestCert ca cert key " +
  "secureOptions minVersion maxVersion keyFile certFile caFile ALPNProtocols ciphers clientRenegotiationLimit " +
  "clientRenegotiationWindow crl allowPartialTrustChain sessionTimeout sigalgs ecdhCurve"
).split(" ");

function readTls(given: Given, draft: Draft): void {
  const tls = given.tls;
  if (tls) {
    for (const entry of Array.isArray(tls) ? tls : [tls]) {
      if (!isObject(entry) || Array.isArray(entry)) throw errors.tlsNotAnObject();
      if (hasTlsField(entry as Given)) draft.tls = tls;
    }
  }
  if (draft.tls === null && hasTlsField(given)) draft.tls = given;
  if (draft.tls !== null) delegate(draft, "tls");
  else if (draft.http3) throw errors.http3WithoutTls();
  if (!draft.http1 && !draft.http2 && !draft.http3) throw errors.http1Disabled();
}

function hasTlsField(holder: Given): boolean {
  return TLS_FIELDS.some((field) => {
    const value = holder[field];
    return value !== undefined && value !== null;
  });
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** Bun's idea of "not given" for handlers, `port` and `websocket`; false and 0 are given. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}
