import { expect, test } from "bun:test";
import { codedTypeError } from "../../src/fetch/coded-error.ts";
import { isOwnFile, ownFolders, stackOf, withoutFrames } from "../../src/fetch/own-frames.ts";

test("files of this package are its sources and what is built of them, wherever it lies; in a bundle there are none", () => {
  expect(isOwnFile(new URL("../../src/fetch/runtime.ts", import.meta.url).pathname)).toBe(true);
  expect(isOwnFile(import.meta.path)).toBe(false);
  expect(ownFolders("/p/node_modules/epollo/src/fetch/own-frames.ts")).toEqual([
    "/p/node_modules/epollo/src/",
    "/p/node_modules/epollo/ffi/",
    "/p/node_modules/epollo/dist/",
  ]);
  expect(ownFolders("/p/node_modules/epollo/dist/epollo-built/epollo-abc.js")).toEqual(
    ownFolders("/p/node_modules/epollo/src/fetch/own-frames.ts"),
  );
  expect(ownFolders("/$bunfs/root/server")).toEqual([]);
});

test("an error without frames shows its message alone", () => {
  const error = withoutFrames(codedTypeError("not there", "ERR_INVALID_ARG_TYPE"));
  expect(stackOf(error)).not.toContain("\n");
  expect(Bun.inspect(error, { colors: false })).not.toContain(".ts:");
  expect(error.message).toBe("not there");
});
