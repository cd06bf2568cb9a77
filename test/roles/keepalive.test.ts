import { expect, test } from "bun:test";

const run = async (code: string): Promise<string> => {
  const source = `import { Keepalive } from "${new URL("../../src/roles/keepalive.ts", import.meta.url).pathname}";
    const keepalive = new Keepalive();
    const over = setTimeout(() => { console.log("alive"); process.exit(); }, 200);
    over.unref();
    ${code}`;
  const child = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
  return (await child.stdout.text()).trim();
};

test.each([
  ["keepalive.ref();", "alive"],
  ["", ""],
  ["keepalive.ref(); keepalive.unref();", ""],
  ["keepalive.unref(); keepalive.ref();", "alive"],
  ["keepalive.ref(); keepalive.end();", ""],
  ["keepalive.end(); keepalive.ref();", ""],
])("%p: %p", async (code, output) => {
  expect(await run(code)).toBe(output);
});
