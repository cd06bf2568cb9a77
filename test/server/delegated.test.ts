/** What epollo hands to the native Bun.serve is said once, to programs that import epollo. Not for Bun.serve. */
import { expect, test } from "bun:test";
import { isBunTarget } from "../support/target.ts";

const epollo = new URL("../../src/index.ts", import.meta.url).pathname;

async function run(program: string): Promise<{ output: string; said: string }> {
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "pipe" });
  const [output, said] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { output: output.trim(), said };
}

test.skipIf(isBunTarget)("two servers with websocket: Bun.serve serves both, one line says so", async () => {
  const { output, said } = await run(`
    const { serve } = await import(${JSON.stringify(epollo)});
    const servers = [0, 1].map(() => serve({ port: 0, websocket: { message() {} }, fetch: () => new Response("native") }));
    console.log(typeof servers[0].stats, await (await fetch(servers[1].url)).text());
    process.exit(0);`);
  expect(output).toBe("undefined native");
  expect(said.match(/websocket: the native Bun\.serve serves/g)).toHaveLength(1);
});

test.skipIf(isBunTarget)("a server of epollo says nothing", async () => {
  const { output, said } = await run(`
    const { serve } = await import(${JSON.stringify(epollo)});
    const server = serve({ port: 0, fetch: () => new Response("epollo") });
    console.log(typeof server.stats, await (await fetch(server.url)).text());
    process.exit(0);`);
  expect([output, said]).toEqual(["function epollo", ""]);
});

test.skipIf(isBunTarget)(
  "options without effect are named, those that would protect are refused",
  async () => {
    const { output, said } = await run(`
    const { serve } = await import(${JSON.stringify(epollo)});
    const options = { port: 0, websocket: { message() {} }, fetch: () => new Response("native") };
    serve({ ...options, threads: { max: 2 }, observe: { metrics: "/metrics" } });
    try {
      serve({ ...options, limits: { connections: 10 } });
    } catch (error) {
      console.log(error.name, error.code, error.message);
    }
    process.exit(0);`);
    expect(said).toContain("without effect, since the native Bun.serve serves (websocket): threads, observe");
    expect(output).toBe(
      "TypeError ERR_INVALID_ARG_TYPE limits cannot be used with what the native Bun.serve has to serve: websocket",
    );
  },
);
