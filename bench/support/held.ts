/** Idle keep-alive connections to a server, held by a process of their own (./holder.ts). Runs on the benchmark's main thread. */

/** Connections that are held until they are released. */
export interface Held {
  /** How many were opened and answered one request each. */
  readonly count: number;
  /** Closes them; gives how many were still open. */
  release(): Promise<number>;
}

/**
 * Opens connections to a server of 127.0.0.1, sends one request on each and keeps them.
 *
 * @throws Error when they cannot be opened
 */
export async function holdConnections(port: number, count: number): Promise<Held> {
  const holder = Bun.spawn(
    [process.execPath, "run", new URL("./holder.ts", import.meta.url).pathname, String(port), String(count)],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  const lines = holder.stdout.getReader();
  const readCount = async (): Promise<number> => {
    const { value } = await lines.read();
    return value === undefined ? Number.NaN : Number(new TextDecoder().decode(value));
  };
  const opened = await readCount();
  if (!(opened > 0)) throw new Error(`no connections held: the holder ended with ${await holder.exited}`);
  return {
    count: opened,
    release: async () => {
      holder.stdin.end();
      const left = await readCount();
      await holder.exited;
      return left;
    },
  };
}
