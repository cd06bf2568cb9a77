/**
 * Promise 5 with real system calls: strace(1) has the kernel's answers replaced (`-e inject`), for epollo's calls and Bun's
 * alike. What is made again must not be seen; a client that cannot be accepted is told so or closed; nothing else happens.
 */
import { requestBytes } from "../../test/support/exchange.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import type { Drill, DrillRun } from "../support/drill.ts";
import { startForDrill } from "../support/drill-server.ts";

const CLIENTS = 8;
const REQUESTS = 10;

/** What is injected: every third call of a kind fails. `mayEnd`: connections may end by it. */
const INJECTIONS: readonly { readonly inject: string; readonly mayEnd: boolean }[] = [
  { inject: "accept4:error=ECONNABORTED:when=2+3", mayEnd: false },
  { inject: "accept4:error=EINTR:when=2+3", mayEnd: false },
  { inject: "accept4:error=EMFILE:when=2+3", mayEnd: true },
  { inject: "recvfrom:error=EINTR:when=2+3", mayEnd: false },
  { inject: "sendto:error=EINTR:when=2+3", mayEnd: false },
  { inject: "sendto:error=EPIPE:when=9+9", mayEnd: true },
  { inject: "epoll_wait,epoll_pwait,epoll_pwait2:error=EINTR:when=2+3", mayEnd: false },
];

/** Runs one server for each kind of error. */
export const drill: Drill = {
  description:
    "strace -e inject: interrupted, aborted and refused calls, each with a server of its own: all answered",
  promise: 5,
  boundSeconds: 90,
  isShort: false,
  runsOnBun: true,
  run: async (run) => {
    if (Bun.which("strace") === null) throw new Error("the drill needs strace: apt-get install -y strace");
    for (const { inject, mayEnd } of INJECTIONS) await injectInto(run, inject, mayEnd);
  },
};

async function injectInto(run: DrillRun, inject: string, mayEnd: boolean): Promise<void> {
  const calls = inject.slice(0, inject.indexOf(":"));
  // -D: the server stays the process that was started. What is traced is not wanted.
  const prefix = [
    "strace",
    "-D",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    `trace=${calls}`,
    "-e",
    `inject=${inject}`,
  ];
  const server = await startForDrill(run, { prefix, idleTimeout: 0, threads: { min: 1, max: 2 } });
  let right = 0;
  let ended = 0;
  const ask = async (index: number): Promise<void> => {
    for (let left = REQUESTS; left > 0; ) {
      const client = await RawClient.connect(server.port, 15_000);
      try {
        for (; left > 0; left--) {
          await client.send(requestBytes(`/id?id=${index}-${left}`));
          if ((await client.readResponse()).text === `${index}-${left}`) right++;
        }
      } catch (error) {
        if (!(error as Error).message.startsWith("connection ended")) throw error;
        ended++;
        left--;
      } finally {
        client.close();
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => ask(index)));
  const all = CLIENTS * REQUESTS;
  if (mayEnd)
    run.check(`${inject}: right or ended`, `${right} or ${ended}`, String(all), right + ended === all);
  else run.check(`${inject}: right`, right, String(all), right === all);
  await server.stop(true);
}
