/**
 * Finds the route of a request: `routes` as a tree of path segments.
 *
 * Any thread; built once, read-only afterwards but for two words of scratch. Pure. It does not know what a route does:
 * a route carries a value, and a route whose value is null means "none: go to `fetch`".
 *
 * The rules are those of Bun.serve's router, uWebSockets' (BUN-SERVE.md section 11.1): at each segment a literal wins
 * over `:param`, that over `*`; where the most specific way leads nowhere the next one is tried, so a route that does
 * not take the method is passed over. At the end of a path the routes for the method come before those for any. A
 * match depends on the segments alone, which lie at fixed depths, so `match` gives the route's own object and nothing
 * is allocated for a request. Parameters are cut out of the path when they are asked for (bun-request.ts).
 *
 * A path without parameters and wildcards is reached first by these rules, so such routes are also kept in a map by
 * their whole path, and the tree is left alone when the map has the answer.
 */

/** Stands for every method in `RouteEntry.methods`. */
export const ANY_METHOD = -1;

/** One route as it is put into a table. */
export interface RouteEntry<Value> {
  /** Path of segments: literal, `:name`, or `*` with whatever follows it. Starts with a slash. */
  readonly pattern: string;
  /** Indices in METHODS (http/method.ts), or ANY_METHOD. */
  readonly methods: readonly number[];
  /** What a match gives; null sends the request to `fetch` though less specific routes may cover it. */
  readonly value: Value | null;
}

/** A route that was found. */
export interface Match<Value> extends PatternParams {
  /** What the entry had. */
  readonly value: Value;
  /** The entry's pattern. */
  readonly pattern: string;
}

type Ending<Value> = Match<Value | null>;

/** A place in the tree: the segments that may follow, and the routes that end here. */
class Place<Value> {
  literals: Map<string, Place<Value>> | null = null;
  param: Place<Value> | null = null;
  /** `*`, and longer names that begin with it, in order of registration; routes end in them. */
  wildcards: { readonly name: string; readonly place: Place<Value> }[] | null = null;
  any: Ending<Value> | null = null;
  /** By method index. */
  byMethod: (Ending<Value> | null)[] | null = null;

  /** The place one segment further, made if it is not there. */
  step(segment: string): Place<Value> {
    if (segment.startsWith(":")) {
      this.param ??= new Place();
      return this.param;
    }
    if (segment.startsWith("*")) {
      this.wildcards ??= [];
      const known = this.wildcards.find((wildcard) => wildcard.name === segment);
      if (known !== undefined) return known.place;
      const place = new Place<Value>();
      this.wildcards.push({ name: segment, place });
      return place;
    }
    this.literals ??= new Map();
    let place = this.literals.get(segment);
    if (place === undefined) {
      place = new Place();
      this.literals.set(segment, place);
    }
    return place;
  }

  /** Lets a route end here, in place of one for the same method. */
  end(method: number, ending: Ending<Value>): void {
    if (method === ANY_METHOD) {
      this.any = ending;
      return;
    }
    this.byMethod ??= [];
    while (this.byMethod.length <= method) this.byMethod.push(null);
    this.byMethod[method] = ending;
  }
}

/**
 * Gives the path that routes are matched against, of a request target as it came.
 *
 * The query is cut off; of the absolute form (`http://host/path`, RFC 9112 section 3.2.2) the path is taken, "/" where
 * it has none. Nothing is decoded or normalised.
 */
export function routePath(target: string): string {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  const first = path.charCodeAt(0);
  if (first === 0x2f || (first !== 0x68 && first !== 0x48)) return path;
  const authority = /^https?:\/\//i.exec(path)?.[0].length;
  if (authority === undefined) return path;
  const slash = path.indexOf("/", authority);
  return slash < 0 ? "/" : path.slice(slash);
}

/** Where the parameters of a route are. */
export interface PatternParams {
  /** Names of the parameters in order. May be more or fewer than there are segments: Bun counts `pre:name` too. */
  readonly names: readonly string[];
  /** Which segments of the path are parameters, counted from 0, ascending. */
  readonly segments: readonly number[];
}

/**
 * Says where a pattern's parameters are. A name is, as with Bun, what stands between a colon, wherever it is, and the
 * next slash; of two colons the last counts.
 */
export function patternParams(pattern: string): PatternParams {
  const names = [...pattern.matchAll(/:([^/:]+)(?=\/|$)/g)].map((found) => found[1]!);
  const segments: number[] = [];
  for (const [depth, segment] of pattern.slice(1).split("/").entries()) {
    if (segment.startsWith(":")) segments.push(depth);
  }
  // Not frozen: each read of a frozen array takes 9 ns longer, and each request that asks for its parameters makes several.
  return { names, segments };
}

/** The routes of one server. */
export class RouteTable<Value> {
  readonly #root: Place<Value> = new Place();
  /** By whole path; only paths of literal segments. */
  readonly #exact: Map<string, Place<Value>> = new Map();
  #hasPatterns = false;
  #method = 0;
  /** The match to pass over, until the search has come by it. */
  #passed: Ending<Value> | null = null;

  /** @param entries in order: of two with the same segments and method the later one counts, with its own names */
  constructor(entries: Iterable<RouteEntry<Value>>) {
    for (const entry of entries) this.#add(entry);
  }

  /**
   * Finds the route of a request, or null where there is none: the request goes to `fetch`.
   *
   * @param path the target's path as it came (`routePath`); its first character is taken for a slash, whatever it is
   * @param method index in METHODS
   */
  match(path: string, method: number): Match<Value> | null {
    const place = this.#exact.get(path);
    if (place !== undefined) {
      const found = place.byMethod?.[method] ?? place.any;
      if (found !== null) return found.value === null ? null : (found as Match<Value>);
    }
    if (!this.#hasPatterns && path.charCodeAt(0) === 0x2f) return null;
    this.#passed = null;
    return this.#find(path, method);
  }

  /**
   * Finds the route that comes after `previous`, which declined the request, as a route to a missing file does.
   * The path and method must be those that gave `previous`.
   */
  matchAfter(path: string, method: number, previous: Match<Value>): Match<Value> | null {
    this.#passed = previous;
    return this.#find(path, method);
  }

  #add(entry: RouteEntry<Value>): void {
    const { pattern, methods, value } = entry;
    let place = this.#root;
    let isExact = true;
    let isPastWildcard = false;
    // Like the search, this takes the first character for a slash.
    for (const segment of pattern.slice(1).split("/")) {
      // Nothing follows a wildcard: it takes the rest of the path.
      if (isPastWildcard) return;
      isPastWildcard = segment.startsWith("*");
      if (isPastWildcard || segment.startsWith(":")) isExact = false;
      place = place.step(segment);
    }
    if (isExact) this.#exact.set(pattern, place);
    else this.#hasPatterns = true;
    const ending: Ending<Value> = Object.freeze({ value, pattern, ...patternParams(pattern) });
    for (const method of methods) place.end(method, ending);
  }

  #find(path: string, method: number): Match<Value> | null {
    this.#method = method;
    const found = this.#search(this.#root, path, 0);
    return found === null || found.value === null ? null : (found as Match<Value>);
  }

  /** Searches below `place`; `at` is the slash before the next segment, or the end of the path. */
  #search(place: Place<Value>, path: string, at: number): Ending<Value> | null {
    if (at >= path.length) return this.#pick(place);
    const start = at + 1;
    const slash = path.indexOf("/", start);
    const end = slash < 0 ? path.length : slash;
    if (place.literals !== null) {
      const next = place.literals.get(path.slice(start, end));
      if (next !== undefined) {
        const found = this.#search(next, path, end);
        if (found !== null) return found;
      }
    }
    if (place.param !== null && end > start) {
      const found = this.#search(place.param, path, end);
      if (found !== null) return found;
    }
    if (place.wildcards !== null) {
      for (const wildcard of place.wildcards) {
        const found = this.#pick(wildcard.place);
        if (found !== null) return found;
      }
    }
    return null;
  }

  #pick(place: Place<Value>): Ending<Value> | null {
    const own = place.byMethod?.[this.#method] ?? null;
    if (own !== null && this.#isNew(own)) return own;
    // One route may be both: passed over once, it is passed over for good.
    return place.any !== null && place.any !== own && this.#isNew(place.any) ? place.any : null;
  }

  #isNew(ending: Ending<Value>): boolean {
    if (this.#passed === null) return true;
    if (this.#passed === ending) this.#passed = null;
    return false;
  }
}
