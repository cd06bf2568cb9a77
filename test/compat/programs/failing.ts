/** Failures in production without an error handler. */
import { fetch } from "./failures.ts";

export const options = { development: false, reusePort: false, fetch };
