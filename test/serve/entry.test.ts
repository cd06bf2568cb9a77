/** detectHost in programs that really are started in each way, and the version check. */
import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectHost, needsBunVersion, sayOnce } from "../../src/serve/entry.ts";

let directory: string;
const entry = JSON.stringify(join(import.meta.dir, "../../src/serve/entry.ts"));
const report = `console.log("host=" + (await import(${entry})).detectHost());`;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "epollo-entry-"));
  writeFileSync(join(directory, "app.ts"), report);
  writeFileSync(join(directory, "empty.ts"), "");
  writeFileSync(
    join(directory, "some.test.ts"),
    `import { test } from "bun:test"; ${report} test("t", async () => { ${report} });`,
  );
  writeFileSync(join(directory, "plain.test.ts"), `import { test } from "bun:test"; test("t", () => {});`);
  writeFileSync(
    join(directory, "worker.ts"),
    `if (Bun.isMainThread) {
       const worker = new Worker(import.meta.url);
       await new Promise((resolve) => worker.addEventListener("close", resolve));
     } else { ${report} }`,
  );
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function hostsOf(args: string[], options: { stdin?: string; NODE_ENV?: string }): Promise<string[]> {
  const { NODE_ENV, ...rest } = process.env;
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: directory,
    env: options.NODE_ENV === undefined ? rest : { ...rest, NODE_ENV: options.NODE_ENV },
    stdin: new Blob([options.stdin ?? ""]),
    stderr: "pipe",
  });
  const [out, err] = [await child.stdout.text(), await child.stderr.text()];
  if ((await child.exited) !== 0) throw new Error(out + err);
  return [...out.matchAll(/host=(\w+)/g)].map((match) => match[1]!);
}

const hosts: [string, string[], string[], { stdin?: string; NODE_ENV?: string }][] = [
  ["bun app.ts", ["app.ts"], ["run"], {}],
  ["bun run", ["run", "app.ts"], ["run"], {}],
  ["bun run, NODE_ENV=test", ["run", "app.ts"], ["run"], { NODE_ENV: "test" }],
  ["a preload", ["--preload", "./app.ts", "empty.ts"], ["run"], {}],
  ["a Worker", ["worker.ts"], ["run"], {}],
  ["bun test", ["test", "./some.test.ts"], ["test", "test"], {}],
  ["bun test, NODE_ENV=production", ["test", "./some.test.ts"], ["test", "test"], { NODE_ENV: "production" }],
  ["a preload of bun test", ["test", "--preload", "./app.ts", "./plain.test.ts"], ["test"], {}],
  ["bun -e", ["-e", report], ["eval"], {}],
  ["bun --print", ["--print", report], ["eval"], {}],
  ["standard input", ["-"], ["eval"], { stdin: report }],
  ["bun repl", ["repl", "-e", report], ["repl"], {}],
];

describe("detectHost", () => {
  for (const [name, args, expected, options] of hosts) {
    test(name, async () => {
      expect(await hostsOf(args, options)).toEqual(expected);
    });
  }

  test("asking inside a test adds no test and breaks none", () => {
    expect(detectHost()).toBe("test");
    expect(detectHost()).toBe("test");
  });
});

describe("needsBunVersion", () => {
  test.each(["1.3.14", "1.3.14-canary.1", "0.8.1", "1.0.0"])("%s is refused", (version) => {
    expect(() => needsBunVersion(version)).toThrow(
      new Error(`epollo needs Bun 1.4.0 or newer, but this is Bun ${version}`),
    );
  });

  test.each(["1.4.0", "1.4.0-canary.20260101", "1.4.5+a7733435c", "1.10.0", "2.0.0"])(
    "%s is fine",
    (version) => {
      expect(() => needsBunVersion(version)).not.toThrow();
    },
  );

  test("this Bun is fine", () => {
    expect(() => needsBunVersion()).not.toThrow();
  });
});

test("sayOnce says each line once", () => {
  const warn = spyOn(console, "warn").mockImplementation(() => {});
  try {
    sayOnce("said", "first line of this test");
    sayOnce("said", "first line of this test");
    sayOnce("said", "second line of this test");
    expect(warn.mock.calls).toEqual([
      ["epollo: first line of this test"],
      ["epollo: second line of this test"],
    ]);
  } finally {
    warn.mockRestore();
  }
});
