/** Failures in production without an error handler. */
import { fetch } from "./failures.ts";

export const options: Record<string, unknown> = { development: false, reusePort: false, fetch };
