/**
 * Loads the user's module on a dispatcher, which serves its clients meanwhile, so that short requests need no other thread.
 *
 * Owned by the dispatcher. A module that never gets done there is given up after `threads.startTimeout`; one that does not
 * even let the event loop turn is up to main (`dispatcher-watch.ts`).
 */
import { installLightResponses } from "../fetch/light-responses.ts";
import { HandlerRuntime } from "../fetch/runtime.ts";
import { threadLog } from "../log/log.ts";
import { probeLoopBridge } from "../net/loop-bridge.ts";
import type { ControlBlock } from "../shm/control-block.ts";
import type { Clients } from "./clients.ts";
import type { DispatcherSettings } from "./dispatcher-settings.ts";
import { loadHandlers } from "./handler-thread.ts";
import { InlineHost } from "./inline-host.ts";
import { inlineRecordOf } from "./inline-record.ts";
import { guardThread } from "./thread-guard.ts";
import { keepAlive } from "./thread-settings.ts";

/**
 * Loads the module and has its handlers run beside the clients. Never rejects: what goes wrong is logged, and handler threads run all.
 *
 * @param onSettled called once, when nothing is waited for any more. A module that gets done after that is used all the same
 */
export async function hostHandlers(
  { index, memory, hosting }: DispatcherSettings,
  control: ControlBlock,
  clients: Clients,
  onSettled: () => void,
): Promise<void> {
  if (hosting === null) return onSettled();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWaitedFor = true;
  const settle = (): void => {
    clearTimeout(timer);
    if (!isWaitedFor) return;
    isWaitedFor = false;
    control.setLoading(index, false);
    onSettled();
  };
  const fail = (message: string, error?: unknown): void => {
    const fields = { module: hosting.module.module, ...(error === undefined ? {} : { error }) };
    threadLog().error("hosting-failed", `${message}; handler threads run them all`, fields);
  };
  // A thread that sleeps on its event loop with nothing there that keeps it alive would end.
  keepAlive();
  try {
    if (!(await probeLoopBridge())) throw new Error("this Bun does not wake for an epoll descriptor");
    const inline = clients.host(InlineHost);
    inline.writeTo(inlineRecordOf(memory, index));
    let isRetired = false;
    const retire = (): void => {
      isRetired = true;
      inline.use(null);
    };
    guardThread({ retire, isKept: true });
    const { startTimeoutMs } = hosting;
    if (startTimeoutMs !== Number.POSITIVE_INFINITY) {
      timer = setTimeout(() => {
        fail(
          `a dispatcher has not loaded the handlers of ${hosting.module.module} within threads.startTimeout, ${startTimeoutMs} ms`,
        );
        settle();
      }, startTimeoutMs);
    }
    control.setLoading(index, true);
    // Before the module, which may take hold of what is replaced.
    installLightResponses();
    const loaded = await loadHandlers(hosting.module, memory, hosting.wakerFds, {
      index,
      close: () => clients.closeIdle(),
    });
    if (loaded !== null && !isRetired) inline.use(new HandlerRuntime(loaded.registration));
  } catch (error) {
    fail("a dispatcher could not load the handlers", error);
  }
  settle();
}
