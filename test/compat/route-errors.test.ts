/** Errors of `routes`: BUN-SERVE.md section 4.2. The other options are compared in test/serve/options.test.ts. */
import { type AnyServe, serve } from "../support/target.ts";
import { routeErrorCases } from "./cases/route-errors.ts";
import { compareAll } from "./compare.ts";
import type { Observation } from "./observation.ts";

compareAll(routeErrorCases, async ({ make }, target) => {
  const start = target === "bun" ? (Bun.serve as AnyServe) : serve;
  try {
    // With a fetch handler, so that what is refused are the routes.
    const common = { port: 0, hostname: "127.0.0.1", fetch: () => new Response("x"), routes: make() };
    await start(target === "bun" ? common : { ...common, handlers: "main" }).stop(true);
    return "accepted";
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    const className = (error as Error).constructor.name;
    return {
      name,
      className,
      message,
      code: code ?? null,
      keys: Object.keys(error as Error).join(),
    } as Observation;
  }
});
