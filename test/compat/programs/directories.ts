/** Directory routes (BUN-SERVE.md section 11.4), from ./files-folder.ts. */
import { FILES } from "../files-folder.ts";

export const options: Record<string, unknown> = {
  development: false,
  reusePort: false,
  routes: {
    "/pub/*": { dir: FILES },
    "/cached/*": { dir: FILES, statCache: true },
    "/pub/over": new Response("over the directory"),
    "/sub/deeper/*": { dir: `${FILES}/sub` },
    "/dir-get/*": { dir: FILES },
  },
  fetch: (): Response => new Response("fetch"),
};
