/** Responses as a dispatcher has them made, for a test in a process of others. */
import { installLightResponses } from "../../src/fetch/light-responses.ts";
import {
  installResponseNotes,
  type LightResponses,
  lights,
  useLightResponses,
} from "../../src/fetch/response-notes.ts";

installResponseNotes();

/** Runs `run` with light Responses; they go on being sent as such until it has settled. */
export async function withLights<T>(run: () => T | Promise<T>): Promise<T> {
  const outside: LightResponses | null = lights;
  installLightResponses();
  try {
    return await run();
  } finally {
    useLightResponses(outside);
  }
}

/** Makes a Response as a dispatcher does. */
export function lightly(make: () => Response): Response {
  const outside: LightResponses | null = lights;
  installLightResponses();
  try {
    return make();
  } finally {
    useLightResponses(outside);
  }
}
