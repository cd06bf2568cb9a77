/**
 * Promise 5 with real system calls: strace(1) has the kernel's answers replaced (`-e inject`), for epollo's calls and Bun's
 * alike. What is made again must not be seen; a client that cannot be accepted is told so or closed, one whose socket breaks
 * ends; nothing else happens, no descriptor is left, no thread spins, and no more is logged than a line a second.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requestBytes } from "../../test/support/exchange.ts";
import { eventually, fdCount } from "../../test/support/process-info.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import type { RunningServer } from "../../test/support/servers.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { coresBusy, startForDrill } from "../support/drill-server.ts";

const CLIENTS = 8;
const REQUESTS = 10;
/** The first brings the server the descriptors that it keeps. */
const ROUNDS = 2;
const WATCH_MS = 300;
/** Threads that take or serve clients; each may log a line a second. */
const LOGGING_THREADS = 2;

/** What is injected, counted by strace for each thread. `mayEnd`: connections may end by it, and some must. */
interface Injection {
  readonly calls: string;
  readonly error: string;
  readonly when: string;
  readonly mayEnd: boolean;
}

const EPOLL_WAIT = "epoll_wait,epoll_pwait,epoll_pwait2";
const SEND = "sendto,sendmsg";

function injection(calls: string, error: string, when: string, mayEnd: boolean): Injection {
  return { calls, error, when, mayEnd };
}

const INJECTIONS: readonly Injection[] = [
  ...["ECONNABORTED", "EINTR", "EPERM"].map((error) => injection("accept4", error, "2+3", false)),
  ...["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"].map((error) => injection("accept4", error, "2+3", true)),
  injection("recvfrom", "EINTR", "2+3", false),
  ...["ENOBUFS", "ENOMEM"].map((error) => injection("recvfrom", error, "9+9", true)),
  injection(SEND, "EINTR", "2+3", false),
  ...["EPIPE", "ENOBUFS", "ENOMEM"].map((error) => injection(SEND, error, "9+9", true)),
  injection(EPOLL_WAIT, "EINTR", "2+3", false),
];

/** Runs one server for each kind of error. */
export const drill: Drill = {
  description:
    "strace -e inject: interrupted, aborted and refused calls, each with a server of its own: all answered",
  promise: 5,
  boundSeconds: 60,
  isShort: true,
  runsOnBun: true,
  unmet: () => {
    if (Bun.which("strace") === null) return "strace (apt-get install -y strace)";
    const tried = Bun.spawnSync(["strace", "-qq", "-o", "/dev/null", "true"]);
    return tried.exitCode === 0 ? null : "permission to trace";
  },
  run: async (run) => {
    const folder = mkdtempSync(join(tmpdir(), "epollo-strace-"));
    run.atEnd(() => rmSync(folder, { recursive: true, force: true }));
    for (const [index, kind] of INJECTIONS.entries()) await injectInto(run, kind, join(folder, `${index}`));
  },
};

async function injectInto(run: DrillRun, kind: Injection, log: string): Promise<void> {
  const { calls, error, when, mayEnd } = kind;
  const name = `${calls === EPOLL_WAIT ? "epoll_wait" : calls} ${error}`;
  // -D: the server stays the process that was started.
  const prefix = ["strace", "-D", "-f", "-qq", "-o", log, "-e", `trace=${calls}`];
  prefix.push("-e", `inject=${calls}:error=${error}:when=${when}`);
  const server = await startForDrill(run, { prefix, idleTimeout: 0, threads: { min: 2, max: 2 } });
  const begun = performance.now();
  const outcome = { right: 0, ended: 0 };
  let fdsBefore = 0;
  for (let round = 0; round < ROUNDS; round++) {
    fdsBefore = fdCount(server.pid);
    await Promise.all(
      Array.from({ length: CLIENTS }, (_, index) => ask(server, `${index}-${round}`, outcome)),
    );
    if (round < ROUNDS - 1) await Bun.sleep(WATCH_MS);
  }
  const { right, ended } = outcome;
  const all = ROUNDS * CLIENTS * REQUESTS;
  const isRight = mayEnd ? right + ended === all && right > 0 && ended > 0 : right === all;
  const promised = mayEnd ? `${all} together, some of each` : `${all} and 0`;
  run.check(`${name}: right, ended`, `${right}, ${ended}`, promised, isRight);
  const fds = await eventually(
    "descriptors to be closed",
    () => fdCount(server.pid) - fdsBefore,
    (more) => more <= 0,
    2000,
  ).catch(() => fdCount(server.pid) - fdsBefore);
  run.check(`${name}: descriptors left over`, fds, "0", fds <= 0);
  const busy = await coresBusy(server.pid, WATCH_MS);
  run.check(`${name}: cores busy afterwards`, busy, "at most 0.2", busy <= 0.2);
  const lines = server.errorOutput().split("\n").filter(Boolean).length;
  const most = LOGGING_THREADS * (1 + Math.ceil((performance.now() - begun) / 1000));
  run.check(`${name}: lines logged`, lines, `at most ${most}`, lines <= most);
  await server.stop(true);
  await server[Symbol.asyncDispose]();
  const failed = await eventually(
    "strace to write",
    () => readFileSync(log, "latin1").split("(INJECTED)").length - 1,
    (count) => count > 0,
    2000,
  ).catch(() => 0);
  run.check(`${name}: calls that failed`, failed, "1 or more", failed > 0);
}

/** Makes requests one after the other; each is answered right, or ends with its connection. */
async function ask(
  server: RunningServer,
  name: string,
  outcome: { right: number; ended: number },
): Promise<void> {
  for (let left = REQUESTS; left > 0; ) {
    const client = await RawClient.connect(server.port, 15_000);
    try {
      for (; left > 0; left--) {
        await client.send(requestBytes(`/id?id=${name}-${left}`));
        if ((await client.readResponse()).text === `${name}-${left}`) outcome.right++;
      }
    } catch (error) {
      if (!(error as Error).message.startsWith("connection ended")) throw error;
      outcome.ended++;
      left--;
    } finally {
      client.close();
    }
  }
}
