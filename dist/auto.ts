/** `epollo/auto` of an installed epollo: the built one, or that of the sources, as index.ts says. */
import { built } from "./built.ts";

if (built("auto.js") === null) require("../src/auto.ts");
