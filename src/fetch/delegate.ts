/**
 * Gives an ordinary object the members of a native class: each asks the native object that stands behind it.
 *
 * Lives on the thread that runs the handler. Members that a class has of its own stay, as do those that user code has put into the
 * native prototype: they are inherited, and see the ordinary object.
 */

/** The name of the method that says what printing an object shows. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

function isNativeCode(code: unknown): boolean {
  return typeof code === "function" && Function.prototype.toString.call(code).includes("[native code]");
}

/**
 * Adds to `prototype`, which inherits from the prototype of `base`, what it lacks.
 *
 * @param names members of the native class, which user code may have replaced by its own before; INSPECT where the native object's
 *   own such method says what is printed
 * @param nativeOf gives the native object behind an object of the class
 */
export function delegate<Light extends object>(
  prototype: Light,
  base: object,
  names: readonly PropertyKey[],
  nativeOf: (light: Light) => object,
): void {
  const known = new Set(names);
  for (const name of [...Object.getOwnPropertyNames(base), INSPECT]) {
    if (name === "constructor" || Object.hasOwn(prototype, name)) continue;
    const native = Object.getOwnPropertyDescriptor(base, name);
    if (!known.has(name) && (name === INSPECT || !isNativeCode(native?.get ?? native?.value))) continue;
    const get = function (this: Light): unknown {
      return Reflect.get(nativeOf(this), name);
    };
    const value = function (this: Light, ...given: unknown[]): unknown {
      const target = nativeOf(this);
      return Reflect.apply(Reflect.get(target, name), target, given);
    };
    Object.defineProperty(value, "name", { value: name });
    const isMethod = typeof native?.value === "function" || name === INSPECT;
    Object.defineProperty(prototype, name, {
      ...(isMethod ? { value, writable: true } : { get }),
      enumerable: name !== INSPECT,
      configurable: true,
    });
  }
}

/**
 * Has the instances of a class inherit the global `constructor`, and those of its members that the native class has found by
 * `for (const name in object)`, as there.
 */
export function dressAsNative(prototype: object, base: object): void {
  Reflect.deleteProperty(prototype, "constructor");
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name in base) Object.defineProperty(prototype, name, { enumerable: true });
  }
}
