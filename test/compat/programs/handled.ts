/** Failures with an error handler, in production. */
import { error, fetch } from "./failures.ts";

export const options: Record<string, unknown> = { development: false, reusePort: false, fetch, error };
