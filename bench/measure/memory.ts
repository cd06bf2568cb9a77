/**
 * Resident memory of a server: at rest, after load, and for each idle keep-alive connection.
 *
 * One server at a time, in a process of its own. At rest is after the first answer. Then wrk loads it; then a process
 * (../support/holder.ts) opens the connections, from several source addresses of 127.0.0.0/8, and sends one request on each.
 * What a connection takes is the difference by their number; sockets in the kernel are not in it. Memory is read once it
 * has been still for 2 s: after load a heap goes on shrinking for seconds, and a difference taken meanwhile came out negative.
 */
import { holdConnections } from "../support/held.ts";
import { startPeer } from "../support/peers.ts";
import { settledResidentBytes } from "../support/process-usage.ts";
import { runLoad } from "../support/wrk.ts";
import type { MeasureStarting } from "./context.ts";
import { loadOf } from "./load.ts";

/** Measures a scenario of the kind "memory". */
export const measureMemory: MeasureStarting = async (run, scenario, kind) => {
  const peer = await startPeer(kind, run.environment, run.serverCpus);
  if (peer === null) throw new Error(`${kind.name} did not start`);
  try {
    await (await fetch(`http://127.0.0.1:${peer.port}/`, { keepalive: false })).text();
    const restBytes = await settledResidentBytes(peer.pid);
    const { errors } = await runLoad(peer.port, loadOf(run, scenario), run.clientCpus);
    const warmBytes = await settledResidentBytes(peer.pid);
    const held = await holdConnections(peer.port, scenario.held);
    const heldBytes = await settledResidentBytes(peer.pid);
    const left = await held.release();
    return {
      restBytes,
      warmBytes,
      bytesPerConnection: (heldBytes - warmBytes) / held.count,
      heldConnections: left,
      errors: errors + held.count - left,
    };
  } finally {
    await peer.stop();
  }
};
