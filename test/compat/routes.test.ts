/** Routes, files and directories: BUN-SERVE.md sections 11 and 12, Bun.serve against epollo. */
import { afterAll, beforeAll } from "bun:test";
import { fileCases } from "./cases/files.ts";
import { routeCases } from "./cases/routes.ts";
import { compareAll } from "./compare.ts";
import { makeFiles, removeFiles } from "./files-folder.ts";
import { programServer, stopPrograms } from "./program-server.ts";
import { observeWire } from "./wire.ts";

beforeAll(makeFiles);
afterAll(async () => {
  await stopPrograms();
  removeFiles();
});

compareAll(
  [...routeCases, ...fileCases],
  async (wire, target) => await observeWire(wire, (await programServer(wire.program, target)).port),
);
