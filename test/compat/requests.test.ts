/** The request side of the wire and the Request object: BUN-SERVE.md sections 6 and 7, Bun.serve against epollo. */
import { afterAll } from "bun:test";
import { requestBodyCases } from "./cases/request-bodies.ts";
import { requestFieldCases } from "./cases/request-fields.ts";
import { requestLineCases } from "./cases/request-line.ts";
import { requestObjectCases } from "./cases/request-object.ts";
import { compareAll } from "./compare.ts";
import { programServer, stopPrograms } from "./program-server.ts";
import { observeWire } from "./wire.ts";

afterAll(stopPrograms);

compareAll(
  [...requestLineCases, ...requestFieldCases, ...requestBodyCases, ...requestObjectCases],
  async (wire, target) => await observeWire(wire, (await programServer(wire.program, target)).port),
);
