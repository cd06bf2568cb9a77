/** The default port and production mode, each row asked of epollo and of Bun.serve in one and the same process. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseDefaultPort } from "../../src/serve/environment.ts";

let directory: string;
let script: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "epollo-environment-"));
  script = join(directory, "ask.ts");
  const environment = join(import.meta.dir, "../../src/serve/environment.ts");
  // The real server's error names the port too, so a port that is taken is no trouble.
  writeFileSync(
    script,
    `import { readEnvironment } from ${JSON.stringify(environment)};
     const ours = readEnvironment();
     let port;
     let development;
     try {
       const server = Bun.serve({ fetch: () => new Response(), hostname: "127.0.0.1" });
       port = server.port;
       server.stop(true);
     } catch (error) {
       port = Number(/port (\\d+)/.exec(error.message)[1]);
     }
     {
       const server = Bun.serve({ fetch: () => new Response(), hostname: "127.0.0.1", port: 0 });
       development = server.development;
       server.stop(true);
     }
     console.log(JSON.stringify({ ours: [ours.defaultPort, !ours.isProduction], native: [port, development] }));`,
  );
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Surroundings {
  variables?: Record<string, string>;
  flags?: string[];
  argumentsAfter?: string[];
  bunfig?: string;
  otherBunfig?: string;
  dotenv?: string;
}

async function ask(name: string, given: Surroundings): Promise<{ ours: unknown[]; native: unknown[] }> {
  const cwd = join(directory, name.replaceAll(/\W+/g, "-"));
  mkdirSync(cwd);
  if (given.bunfig !== undefined) writeFileSync(join(cwd, "bunfig.toml"), given.bunfig);
  if (given.otherBunfig !== undefined) writeFileSync(join(cwd, "other.toml"), given.otherBunfig);
  if (given.dotenv !== undefined) writeFileSync(join(cwd, ".env"), given.dotenv);
  const { BUN_PORT, PORT, NODE_PORT, NODE_ENV, BUN_ENV, BUN_OPTIONS, NODE_UNIQUE_ID, ...rest } = process.env;
  const child = Bun.spawn(
    [process.execPath, ...(given.flags ?? []), script, ...(given.argumentsAfter ?? [])],
    {
      cwd,
      env: { ...rest, ...given.variables },
      stderr: "pipe",
    },
  );
  const [out, err] = [await child.stdout.text(), await child.stderr.text()];
  if ((await child.exited) !== 0) throw new Error(err);
  return JSON.parse(out);
}

const port = (number: number): string => `[serve]\nport = ${number}\n`;

const rows: [string, Surroundings, number][] = [
  ["nothing", {}, 3000],
  ["PORT", { variables: { PORT: "4701" } }, 4701],
  ["BUN_PORT before PORT", { variables: { PORT: "4701", BUN_PORT: "4702", NODE_PORT: "4703" } }, 4702],
  ["NODE_PORT last", { variables: { PORT: "x", NODE_PORT: "4703" } }, 4703],
  ["environment before flag", { variables: { NODE_PORT: "4704" }, flags: ["--port=4705"] }, 4704],
  ["flag before bunfig", { flags: ["--port", "4706"], bunfig: port(4707) }, 4706],
  ["the last flag", { flags: ["--port=4708", "--port=4709"] }, 4709],
  ["BUN_OPTIONS", { variables: { BUN_OPTIONS: "--port=4710" } }, 4710],
  ["flag after the script", { argumentsAfter: ["--port=4711"] }, 3000],
  ["bunfig", { bunfig: port(4712) }, 4712],
  ["bunfig of 0", { bunfig: port(0) }, 3000],
  ["bunfig of a fraction", { bunfig: port(4713.5) }, 4713],
  ["bunfig above the range", { bunfig: port(70000) }, 65535],
  ["another bunfig", { flags: ["--config=other.toml"], otherBunfig: port(4714), bunfig: port(4715) }, 4714],
  ["dotenv", { dotenv: "PORT=4716\n" }, 4716],
  ["signs and underscores", { variables: { PORT: "+4_717" } }, 4717],
  ["NODE_ENV", { variables: { NODE_ENV: "production" } }, 3000],
  ["NODE_ENV other", { variables: { NODE_ENV: "PRODUCTION" } }, 3000],
  ["BUN_ENV", { variables: { BUN_ENV: "production", NODE_ENV: "development" } }, 3000],
  ["define", { flags: ["--define", 'process.env.NODE_ENV="production"'] }, 3000],
];

describe("the same as Bun.serve", () => {
  for (const [name, given, expected] of rows) {
    test(name, async () => {
      const { ours, native } = await ask(name, given);
      expect(ours).toEqual(native);
      expect(ours[0]).toBe(expected);
    });
  }
});

describe("chooseDefaultPort", () => {
  test.each(["abc", "", " 4518", "4518abc", "-1", "70000", "65536", "1e3", "0x10", "_1", "1_", "+", "1.5"])(
    "PORT=%p is passed over",
    (value) => {
      expect(chooseDefaultPort({ variables: { PORT: value }, runtimeArguments: [], directory })).toBe(3000);
    },
  );

  test.each([
    ["0", 0],
    ["-0", 0],
    ["0080", 80],
    ["65535", 65535],
  ])("PORT=%p is %d", (value, expected) => {
    expect(chooseDefaultPort({ variables: { PORT: value }, runtimeArguments: [], directory })).toBe(expected);
  });
});
