import { expect, test } from "bun:test";
import { openListener } from "../../src/net/listener.ts";
import { atCaller } from "../../src/serve/caller.ts";
import { invalidType, outOfRange } from "../../src/serve/errors.ts";

/** What an entry function throws of an error that `make` throws. */
function thrownBy(make: () => unknown): Error {
  function entry(): unknown {
    try {
      return make();
    } catch (error) {
      throw atCaller(error, entry);
    }
  }
  try {
    entry();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

test.each([
  [
    "a wrong type",
    () =>
      thrownBy(() => {
        throw invalidType("wrong");
      }),
  ],
  [
    "a value out of range",
    () =>
      thrownBy(() => {
        throw outOfRange("wrong");
      }),
  ],
  [
    "a socket",
    () =>
      thrownBy(() =>
        openListener({ unix: "/nonexistent/socket", port: 0, reusePort: false, ipv6Only: false }),
      ),
  ],
])("%s: the stack and the shown source are the caller's", (_what, fail) => {
  const shown = Bun.inspect(fail(), { colors: false });
  expect(shown).not.toMatch(/(?:src|ffi)\/.*\.ts:\d/);
  const error = fail();
  const [, first] = error.stack!.split("\n");
  expect(first).toContain("thrownBy");
  expect(Object.keys(error)).not.toContain("stack");
});

test("what the program threw stays as it is", () => {
  const error = new TypeError("the program's own");
  expect(
    thrownBy(() => {
      throw error;
    }),
  ).toBe(error);
  expect(error.stack!.split("\n")[1]).toContain("caller.test.ts");
  expect(error.stack!.split("\n")[1]).not.toContain("thrownBy");
  for (const thrown of [undefined, null, "text", 5]) expect(atCaller(thrown, thrownBy as never)).toBe(thrown);
});
