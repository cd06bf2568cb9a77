/**
 * Whether this program runs in production, by its environment.
 *
 * Any thread. Written out in full, and a file of its own that the built package leaves as it is (dist/make.ts), so that
 * `--define process.env.NODE_ENV=...` reaches it as it reaches Bun.serve.
 */
export const isProduction: boolean =
  process.env.NODE_ENV === "production" || process.env.BUN_ENV === "production";
