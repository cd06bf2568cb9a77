/**
 * `export default { fetch }`, which Bun serves by itself (BUN-SERVE.md 2.2). Each program runs with and without
 * epollo/auto, and must print, answer and end alike.
 */
import { describe, expect, test } from "bun:test";
import { PRELOADED, type ProgramOptions, runProgram, startProgram } from "./program.ts";

const FETCH = "fetch(request, server) { return Response.json([this === server, typeof server.stats]); }";
const mask = (text: string): string => text.replace(/:\d+(?=\s)/g, ":PORT");

type Given = Omit<ProgramOptions, "arguments"> & { readonly file?: string };

const withAndWithout = ({
  file = "server.ts",
  ...given
}: Given): readonly [ProgramOptions, ProgramOptions] => [
  { ...given, arguments: [...PRELOADED, file] },
  { ...given, arguments: [file] },
];

describe("served", () => {
  const SERVED: readonly [what: string, given: Given, line: string][] = [
    [
      "an object",
      { files: { "server.ts": `export default { ${FETCH} };` } },
      "Started development server: http://localhost:PORT\n",
    ],
    [
      "production by NODE_ENV",
      { files: { "server.ts": `export default { ${FETCH} };` }, environment: { NODE_ENV: "production" } },
      "Started server: http://localhost:PORT\n",
    ],
    [
      "production by option, with a hostname",
      { files: { "server.ts": `export default { development: false, hostname: "127.0.0.1", ${FETCH} };` } },
      "Started server: http://127.0.0.1:PORT\n",
    ],
    [
      "an instance with fetch on its class",
      { files: { "server.ts": `class App { port = 0; ${FETCH} }\nexport default new App();` } },
      "Started development server: http://localhost:PORT\n",
    ],
    [
      "module.exports",
      { file: "server.cjs", files: { "server.cjs": `module.exports = { ${FETCH} };` } },
      "Started development server: http://localhost:PORT\n",
    ],
    [
      "after top-level await",
      { files: { "server.ts": `await Bun.sleep(20);\nexport default { ${FETCH} };` } },
      "Started development server: http://localhost:PORT\n",
    ],
  ];
  test.each(SERVED)("%s", async (_what, given, line) => {
    const [ours, native] = withAndWithout(given);
    await using a = await startProgram(ours);
    await using b = await startProgram(native);
    expect([mask(a.output()), a.errors()]).toEqual([line, ""]);
    expect(mask(b.output())).toBe(line);
    expect(await a.askJson()).toEqual([true, "function"]);
    expect(await b.askJson()).toEqual([true, "undefined"]);
  });

  test("bun -e", async () => {
    const text = `export default { ${FETCH} }`;
    await using program = await startProgram({ files: {}, arguments: [...PRELOADED, "-e", text] });
    expect(mask(program.output())).toBe("Started development server: http://localhost:PORT\n");
    expect(await program.askJson()).toEqual([true, "function"]);
  });

  test("on a unix socket", async () => {
    const text = `export default { unix: "./s.sock", ${FETCH} };
      if (Bun.isMainThread) setTimeout(async () => {
        console.log(await (await fetch("http://a/", { unix: "./s.sock" })).text());
        process.exit();
      }, 300);`;
    const ended = await runProgram({ files: { "server.ts": text } });
    expect(ended.output).toBe('Started development server: http://undefined:undefined\n[true,"function"]\n');
  });

  test("in pool mode, on handler threads, with one line", async () => {
    const text = `export default { async fetch(request, server) {
      return Response.json([this === server, typeof server.stats, Bun.isMainThread, await request.text()]);
    } };`;
    await using program = await startProgram({
      files: { "server.ts": text },
      environment: { EPOLLO_HANDLERS: "pool" },
    });
    const answer = await program.askJson("", { method: "POST", body: "a body" });
    expect(answer).toEqual([true, "function", false, "a body"]);
    expect([mask(program.output()), program.errors()]).toEqual([
      "Started development server: http://localhost:PORT\n",
      "",
    ]);
  });

  test("in pool mode, after a server of the program's own", async () => {
    const text = `const server = Bun.serve({ port: 0, fetch: () => Response.json(["first", Bun.isMainThread]) });
      if (Bun.isMainThread) console.log("first " + server.url + " ");
      export default { port: 0, fetch: () => Response.json(["second", Bun.isMainThread]) };`;
    await using program = await startProgram({
      files: { "server.ts": text },
      environment: { EPOLLO_HANDLERS: "pool" },
    });
    expect(await program.askJson()).toEqual(["first", false]);
    const second = /Started .* (http:\S+)/.exec(program.output())?.[1];
    expect(await (await fetch(second as string)).json()).toEqual(["second", false]);
  });
});

describe("not served", () => {
  const NOT_SERVED: readonly [what: string, given: Given][] = [
    ["routes alone", { files: { "server.ts": 'export default { routes: { "/": new Response("") } };' } }],
    ["a function named fetch", { files: { "server.ts": "export default function fetch() {}" } }],
    ["a promise", { files: { "server.ts": `export default Promise.resolve({ ${FETCH} });` } }],
    ["exports.default", { file: "server.cjs", files: { "server.cjs": `exports.default = { ${FETCH} };` } }],
    ["a number", { files: { "server.ts": "export default 5;" } }],
    [
      "a server that listens already",
      {
        files: {
          "server.ts": `const server = Bun.serve({ ${FETCH} });
            if (Bun.isMainThread) setTimeout(() => server.stop(true), 100);
            export default server;`,
        },
      },
    ],
  ];
  test.each(NOT_SERVED)("%s", async (_what, given) => {
    const [ours, native] = await Promise.all(withAndWithout(given).map(runProgram));
    expect(ours).toEqual({ code: 0, output: "", errors: "" });
    expect(ours).toEqual(native!);
  });

  test("a port in use: the same error, the same exit code", async () => {
    using holder = Bun.serve({ port: 0, fetch: () => new Response() });
    const given = { files: { "server.ts": `export default { port: ${holder.port}, ${FETCH} };` } };
    const [ours, native] = await Promise.all(withAndWithout(given).map(runProgram));
    const shape = ({ code, output, errors }: { code: number; output: string; errors: string }) => [
      code,
      output,
      /^error: .*$/m.exec(errors)?.[0],
      /code: "(\w+)"/.exec(errors)?.[1],
    ];
    expect(shape(ours!)).toEqual(shape(native!));
    expect(ours!.code).toBe(1);
  });
});
