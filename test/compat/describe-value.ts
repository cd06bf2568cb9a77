/**
 * Turns what a probe gives or throws into JSON that shows its type: undefined, errors with their codes, functions,
 * objects by their tag. For programs under test, in whatever process and thread they run.
 */

/** Runs a probe and describes its result, awaited, or its error. */
export async function describeValue(probe: () => unknown): Promise<unknown> {
  try {
    const result = probe();
    if (!(result instanceof Promise)) return show(result);
    return { promise: show(await result) };
  } catch (error) {
    return { thrown: show(error) };
  }
}

function show(value: unknown): unknown {
  if (value === undefined) return "(undefined)";
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "function") return `function ${value.name}/${value.length}`;
  if (value instanceof Error) {
    const { name, message, code } = value as Error & { code?: unknown };
    return { error: `${name}: ${message}`, code: show(code), keys: Object.keys(value).join() };
  }
  if (Array.isArray(value)) return value.map(show);
  if (value instanceof URL) return `URL ${value.href}`;
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, show(member)]));
  }
  return String(value);
}
