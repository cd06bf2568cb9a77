/** Failures in development without an error handler. */
import { fetch } from "./failures.ts";

export const options: Record<string, unknown> = { development: true, fetch };
