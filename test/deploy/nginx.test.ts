/** deploy/nginx/nginx.conf with the real nginx, where it is installed: a drain under load. */
import { afterAll, expect, test } from "bun:test";
import { stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";
import { BehindProxy } from "./behind-proxy.ts";

afterAll(stopAll);

const nginx = Bun.which("nginx", { PATH: `${process.env.PATH}:/usr/sbin` });

test.skipIf(isBunTarget || nginx === null)(
  "behind nginx (skipped without it): no error while both processes are replaced",
  async () => {
    await using behind = new BehindProxy({ threads: { gracefulSignals: true } });
    await behind.start("deploy/nginx/nginx.conf", (path, folder) => {
      const directives = `daemon off; pid ${folder}/nginx.pid; error_log stderr crit;`;
      return [nginx!, "-c", path, "-p", folder, "-e", "stderr", "-g", directives];
    });
    const counts = await behind.replaceUnderLoad();
    expect([...counts.errors]).toEqual([]);
    expect(counts.answers).toBeGreaterThan(100);
  },
  60_000,
);
