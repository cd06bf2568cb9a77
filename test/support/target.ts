/**
 * Which server the black-box suites talk to: epollo (default), or the real Bun.serve with EPOLLO_TARGET=bun, so
 * that the suites themselves can be checked against the server they describe.
 *
 * Imported by tests and by fixtures, which in pool mode are evaluated again on every handler thread.
 */

/** A `serve` function of either server, as tests call it: options with whatever a test needs. */
// biome-ignore lint/suspicious/noExplicitAny: both servers' option types are generic over routes; tests pass plain objects.
export type AnyServe = (options: any) => Bun.Server<undefined>;

/** Whether the suites run against the real Bun.serve. */
export const isBunTarget: boolean = process.env.EPOLLO_TARGET === "bun";

const epollo: { serve: AnyServe } | null = isBunTarget ? null : await import("../../src/index.ts");
const native: AnyServe = Bun.serve as AnyServe;

/** Starts a server of the target. Under Bun.serve epollo's own options are dropped. */
export const serve: AnyServe = (options) => {
  if (epollo !== null) return epollo.serve(options);
  const { handlers: _, threads: __, limits: ___, observe: ____, ...rest } = options;
  return native(rest);
};
