/**
 * The entry module of the child processes that ./program-server.ts starts: serves a module of ./programs with the real
 * Bun.serve or with epollo. In pool mode it is evaluated again on every handler thread.
 */
import type { AnyServe } from "../support/target.ts";
import { describeValue } from "./describe-value.ts";

/** A module of ./programs. */
interface Program {
  readonly options: Record<string, unknown>;
  /** What the parent may ask of the server object, by name. */
  readonly probes?: Readonly<Record<string, (server: Bun.Server<undefined>) => unknown>>;
}

const target = process.env.EPOLLO_COMPAT_TARGET;
const program = (await import(`./programs/${process.env.EPOLLO_COMPAT_PROGRAM}.ts`)) as Program;
const serve: AnyServe =
  target === "bun" ? (Bun.serve as AnyServe) : ((await import("../../src/index.ts")).serve as AnyServe);

const server = serve({
  ...(program.options.unix === undefined ? { port: 0, hostname: "127.0.0.1" } : {}),
  ...program.options,
  ...(target === "bun" ? {} : { handlers: target, threads: { dispatchers: 1, max: 2 } }),
});

if (Bun.isMainThread) {
  console.log(JSON.stringify({ id: 0, value: server.port ?? 0 }));
  for await (const line of console) {
    if (line === "") continue;
    const { id, name } = JSON.parse(line) as { id: number; name: string };
    void answer(name).then((value) => console.log(JSON.stringify({ id, value })));
  }
  process.exit(0);
}

async function answer(name: string): Promise<unknown> {
  const probe = program.probes?.[name];
  if (probe === undefined) throw new Error(`no probe is called ${name}`);
  return await describeValue(() => probe(server));
}
