/** An ordinary object with the members of a native class. */
import { expect, test } from "bun:test";
import { delegate, dressAsNative, INSPECT } from "../../src/fetch/delegate.ts";

function make(names: readonly PropertyKey[], base: typeof URLSearchParams = URLSearchParams) {
  class Light {
    readonly native = new URLSearchParams("a=b");
    get size(): number {
      return 7;
    }
  }
  Object.setPrototypeOf(Light.prototype, base.prototype);
  dressAsNative(Light.prototype, base.prototype);
  delegate(Light.prototype, base.prototype, names, (light) => light.native);
  return new Light() as Light & URLSearchParams;
}

test("what it lacks is asked of the native object, what it has is its own", () => {
  const light = make(["get", "append"]);
  light.append("c", "d");
  expect([light.get("a"), light.native.get("c"), light.size, light.toString()]).toEqual([
    "b",
    "d",
    7,
    "a=b&c=d",
  ]);
  expect([light.get.name, light.constructor]).toEqual(["get", URLSearchParams]);
  const found: string[] = [];
  for (const name in light) found.push(name);
  expect(found).toEqual(expect.arrayContaining(["size", "get", "append"]));
});

test("members that user code has added to the native class are inherited, those that it has replaced are asked for", () => {
  const prototype = URLSearchParams.prototype as unknown as Record<string, unknown>;
  const { get } = URLSearchParams.prototype;
  prototype.added = function (this: unknown) {
    return this;
  };
  URLSearchParams.prototype.get = () => "replaced";
  try {
    const light = make(["get"]) as unknown as Record<string, (name?: string) => unknown>;
    expect([light.added!() === light, light.get!("a")]).toEqual([true, "replaced"]);
  } finally {
    delete prototype.added;
    URLSearchParams.prototype.get = get;
  }
});

test("printing asks the native object's own method, if it has one", () => {
  const plain = make([]) as unknown as Record<symbol, unknown>;
  expect(Object.hasOwn(Object.getPrototypeOf(plain) as object, INSPECT)).toBe(false);
  expect(Object.hasOwn(Object.getPrototypeOf(make([INSPECT])) as object, INSPECT)).toBe(true);
});
