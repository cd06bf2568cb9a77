/**
 * Gives the Server class the outward shape of Bun's: two prototypes, with plain accessors and functions on them.
 *
 * Any thread; once, when server-object.ts is evaluated. Knows nothing of what the members do. Measured, Bun 1.4.5: the
 * prototype of a server in development differs from the other one in its name alone (`Symbol.toStringTag`, a plain
 * string); members are enumerable and not configurable, in alphabetical order; `constructor` is Object; each member
 * refuses a `this` that is no server, saying what it got instead.
 */
import { codedTypeError } from "./coded-error.ts";

type AnyFunction = (this: object, ...given: unknown[]) => unknown;

/**
 * Makes a prototype from the members of a class.
 *
 * @param members the prototype of the class
 * @param name what `Symbol.toStringTag` says, and errors call it
 * @param isServer whether `this` is an instance of the class
 * @param lengths `length` of the methods for which Bun's differs from the class's
 */
export function shapePrototype(
  members: object,
  name: string,
  isServer: (value: unknown) => boolean,
  lengths: Readonly<Record<string, number>>,
): object {
  const shaped: object = {};
  // "constructor" is left out, so that Object's is found.
  const keys = Object.getOwnPropertyNames(members).filter((key) => key !== "constructor");
  for (const key of keys.sort()) {
    const { get, value } = Object.getOwnPropertyDescriptor(members, key)!;
    const own: PropertyDescriptor =
      get === undefined
        ? { value: guardMethod(value, key, lengths[key] ?? value.length, name, isServer), writable: true }
        : { get: guardGetter(get as AnyFunction, key, name, isServer) };
    Object.defineProperty(shaped, key, { ...own, enumerable: true, configurable: false });
  }
  const dispose = (members as Disposable)[Symbol.dispose] as AnyFunction;
  return Object.defineProperties(shaped, {
    [Symbol.dispose]: { value: guardMethod(dispose, "dispose", 1, name, isServer), configurable: true },
    [Symbol.toStringTag]: { value: name, configurable: true },
    [Symbol.for("nodejs.util.inspect.custom")]: { value: inspectMethod(members, name, isServer) },
  });
}

function guardMethod(
  method: AnyFunction,
  key: string,
  length: number,
  name: string,
  isServer: (value: unknown) => boolean,
): AnyFunction {
  // A member of an object, so that the function has a name from the start and is no constructor.
  const { [key]: guarded } = {
    [key](this: object): unknown {
      if (!isServer(this)) {
        throw codedTypeError(
          `Expected this to be instanceof ${name}${describeReceived(this)}`,
          "ERR_INVALID_THIS",
        );
      }
      // `arguments`, since methods tell "not given" from undefined.
      return Reflect.apply(method, this, arguments);
    },
  };
  return Object.defineProperty(guarded as AnyFunction, "length", { value: length });
}

/** What `console.log(server)` shows: values in place of accessors. Of the prototype alone there is nothing to show. */
function inspectMethod(members: object, name: string, isServer: (value: unknown) => boolean): AnyFunction {
  return function inspect(this: object): object {
    const shown: Record<string, unknown> = {};
    if (isServer(this)) {
      for (const key in this) {
        const value = this[key as keyof typeof this] as unknown;
        // The class's own: it shows its name.
        shown[key] = typeof value === "function" ? Reflect.get(members, key) : value;
      }
    }
    return Object.setPrototypeOf(shown, { [Symbol.toStringTag]: name });
  };
}

function guardGetter(
  get: AnyFunction,
  key: string,
  name: string,
  isServer: (value: unknown) => boolean,
): () => unknown {
  function guarded(this: object): unknown {
    if (!isServer(this)) {
      throw new TypeError(`The ${name}.${key} getter can only be used on instances of ${name}`);
    }
    return get.call(this);
  }
  return Object.defineProperty(guarded, "name", { value: `get ${key}` });
}

const SHOWN_CHARACTERS = 25;

/** ", but received ..." as Node and Bun word it; "" for undefined. */
function describeReceived(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "function") return `, but received function ${value.name}`;
  if (typeof value === "object" && value !== null) {
    const className = (value.constructor as { name?: string } | undefined)?.name;
    return `, but received ${className ? `an instance of ${className}` : Bun.inspect(value)}`;
  }
  if (value === null) return ", but received null";
  return `, but received type ${typeof value} (${describePrimitive(value)})`;
}

function describePrimitive(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "string") return String(value);
  const shown = value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}...` : value;
  return shown.includes("'") ? JSON.stringify(shown) : `'${shown}'`;
}
