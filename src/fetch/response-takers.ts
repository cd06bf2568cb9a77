/**
 * What in Bun takes a Response by its native object is given the one behind a light Response (`light-response.ts`) in its place.
 *
 * Installed on dispatchers before user code, which may take hold of these functions while it is loaded. `new Request(url, response)`
 * and `new Response(body, response)` read members; a Response as a body is its name as a text, native or not. What cannot
 * be replaced is in docs/compatibility.md.
 */

/** Gives the native response behind a light one; any other value as it is. */
export type Resolve = (value: unknown) => unknown;

type Code = (this: unknown, ...given: unknown[]) => unknown;
type Taken = (given: unknown[]) => unknown[];

let isInstalled = false;

/** Replaces a function by one that calls it with other arguments. */
function take(owner: object, name: string, taken: Taken): void {
  const native = (owner as Record<string, unknown>)[name] as Code | undefined;
  if (typeof native !== "function") return;
  const { [name]: taking } = {
    [name](this: unknown, ...given: unknown[]): unknown {
      return Reflect.apply(native, this, taken(given));
    },
  } as Record<string, Code>;
  Object.defineProperty(taking!, "length", { value: native.length });
  (owner as Record<string, unknown>)[name] = taking;
}

/**
 * Replaces them on this thread; once, however often it is called.
 *
 * @param stopMaking called when a native server is started on this thread: its handlers must give it native responses
 */
export function installResponseTakers(resolve: Resolve, stopMaking: () => void): void {
  if (isInstalled) return;
  isInstalled = true;
  const all: Taken = (given) => given.map((value) => resolve(value));
  take(Bun, "write", all);
  take(Blob.prototype, "write", all);
  take(Bun.S3Client, "write", all);
  take(Bun.S3Client.prototype, "write", all);
  take(Object.getPrototypeOf(new Bun.S3Client().file("a")) as object, "write", all);
  take(HTMLRewriter.prototype, "transform", all);
  for (const name of ["compileStreaming", "instantiateStreaming"]) {
    take(WebAssembly, name, ([source, ...rest]) => [
      source instanceof Promise ? source.then(resolve) : resolve(source),
      ...rest,
    ]);
  }
  const streams: Taken = (given) =>
    given.map((options) => withMembers(options, ["stdin", "stdio"], (value) => elements(value, resolve)));
  take(Bun, "spawn", streams);
  take(Bun, "spawnSync", streams);
  take(Bun, "serve", (given) => {
    stopMaking();
    return given.map((options) =>
      withMembers(options, ["routes", "static"], (value) => routes(value, resolve)),
    );
  });
  Bun.$ = shell(Bun.$, resolve);
}

/** `options` with some of its members replaced; itself if none of them changes. */
function withMembers(options: unknown, names: readonly string[], replace: Resolve): unknown {
  if (typeof options !== "object" || options === null) return options;
  const changed: PropertyDescriptorMap = {};
  for (const name of names) {
    const value = (options as Record<string, unknown>)[name];
    const replaced = replace(value);
    if (replaced !== value) changed[name] = { value: replaced, enumerable: true };
  }
  // What is inherited, or read by a getter, stays so.
  return Object.keys(changed).length === 0 ? options : Object.create(options, changed);
}

function elements(value: unknown, resolve: Resolve): unknown {
  if (!Array.isArray(value)) return resolve(value);
  const resolved = value.map((element) => resolve(element));
  return resolved.some((element, index) => element !== value[index]) ? resolved : value;
}

/** Routes by path, each a Response or an object of them by method. */
function routes(value: unknown, resolve: Resolve): unknown {
  return changedEntries(value, (route) => {
    const native = resolve(route);
    return native === route ? changedEntries(route, resolve) : native;
  });
}

/** A plain object with its values replaced; itself if none of them changes. */
function changedEntries(value: unknown, replace: Resolve): unknown {
  if (!isPlain(value)) return value;
  let isChanged = false;
  const entries = Object.entries(value).map(([key, given]): [string, unknown] => {
    const replaced = replace(given);
    isChanged ||= replaced !== given;
    return [key, replaced];
  });
  return isChanged ? Object.fromEntries(entries) : value;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** A shell whose templates take light responses, as do those that are made of it. */
function shell<Shell extends object>(native: Shell, resolve: Resolve): Shell {
  return new Proxy(native, {
    apply(target, self, given: unknown[]) {
      return Reflect.apply(
        target as unknown as Code,
        self,
        given.map((value) => resolve(value)),
      );
    },
  });
}
