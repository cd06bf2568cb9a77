/** The response side of the wire and errors: BUN-SERVE.md sections 8 and 9, Bun.serve against epollo. */
import { afterAll } from "bun:test";
import { answerCases } from "./cases/answers.ts";
import { failureCases } from "./cases/failures.ts";
import { compareAll } from "./compare.ts";
import { programServer, stopPrograms } from "./program-server.ts";
import { observeWire } from "./wire.ts";

afterAll(stopPrograms);

compareAll(
  [...answerCases, ...failureCases],
  async (wire, target) => await observeWire(wire, (await programServer(wire.program, target)).port),
);
