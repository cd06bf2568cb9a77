/** Aborts, stop and reload: BUN-SERVE.md sections 10 and 13, Bun.serve against epollo. */
import { afterAll } from "bun:test";
import { forgetNotes } from "../support/journal.ts";
import { lifecycleCases } from "./cases/lifecycle.ts";
import { compareAll } from "./compare.ts";
import { mask, type Observation } from "./observation.ts";
import { ProgramServer } from "./program-server.ts";

afterAll(forgetNotes);

compareAll(lifecycleCases, async ({ run }, target) => {
  await using server = await ProgramServer.start("lifecycle", target);
  return mask((await run(server)) as Observation);
});
