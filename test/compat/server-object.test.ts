/** The server object: BUN-SERVE.md section 13, Bun.serve against epollo. */
import { afterAll } from "bun:test";
import { exchange } from "../support/exchange.ts";
import { serverCases } from "./cases/server-object.ts";
import { compareAll } from "./compare.ts";
import { mask, type Observation } from "./observation.ts";
import { programServer, stopPrograms } from "./program-server.ts";

afterAll(stopPrograms);

compareAll(serverCases, async ({ probe, isInside }, target) => {
  const server = await programServer("server-object", target);
  const value = isInside ? (await exchange(server.port, `/${probe}`)).text : await server.ask(probe);
  return mask((isInside ? JSON.parse(value as string) : value) as Observation);
});
