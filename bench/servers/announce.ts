/**
 * Tells the benchmark (../support/peers.ts) that a server listens: one line of JSON on standard output. Called on
 * the main thread; on handler threads, which evaluate the entry module again, it does nothing. A server ends when
 * its standard input does, so that none outlives the benchmark.
 */

/** Prints the port and waits in the background for the end of standard input. */
export function announce(port: number | undefined): void {
  if (!Bun.isMainThread) return;
  console.log(JSON.stringify({ port }));
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
}
