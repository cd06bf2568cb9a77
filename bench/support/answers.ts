/** Checks before a scenario is measured that all its servers give the same answer: a fast wrong answer is no result. */
import type { Scenario } from "../scenarios.ts";
import type { Peer } from "./peers.ts";

/** How a computed answer may differ: not at all, so the bytes are compared by their hash. */
async function answerOf(peer: Peer, scenario: Scenario, path: string): Promise<string> {
  const { method, bodyBytes } = scenario.load;
  const response = await fetch(`http://127.0.0.1:${peer.port}${path}`, {
    method: method ?? "GET",
    body: bodyBytes === undefined ? null : "b".repeat(bodyBytes),
    keepalive: false,
  }).catch((error: Error) => {
    throw new Error(`${scenario.name}: ${peer.name} did not answer: ${error.message}`);
  });
  const bytes = await response.bytes();
  return `${response.status} ${bytes.length} ${Bun.hash(bytes)}`;
}

/**
 * Asks each server for what the scenario asks for.
 *
 * @throws Error where a server's answer is not that of the first, or no 200
 */
export async function compareAnswers(peers: readonly Peer[], scenario: Scenario): Promise<void> {
  for (const path of [scenario.load.path, scenario.load.slowPath]) {
    if (path === undefined) continue;
    const answers = await Promise.all(peers.map((peer) => answerOf(peer, scenario, path)));
    const wrong = peers.filter(
      (_, index) => answers[index] !== answers[0] || !answers[index]!.startsWith("200 "),
    );
    if (wrong.length > 0)
      throw new Error(
        `${scenario.name}: not the answer of ${peers[0]!.name}, or no 200: ${wrong.map(({ name }) => name)}`,
      );
  }
}
