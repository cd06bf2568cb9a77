/**
 * What a project that has installed epollo imports: the built package where there is one, its sources otherwise.
 *
 * Any thread. The built package (make.ts) starts faster: fewer files, already JavaScript. A checkout has none; a bundler does not
 * see it and takes the sources, of which threads can start inside the bundle (src/serve/bundled-thread.ts).
 */
import type * as Sources from "../src/index.ts";
import { built } from "./built.ts";

const epollo = (built("index.js") ?? require("../src/index.ts")) as typeof Sources;

export const serve: typeof Sources.serve = epollo.serve;
export const textHandler: typeof Sources.textHandler = epollo.textHandler;
