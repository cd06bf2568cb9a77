/**
 * Lets a thread sleep on its own event loop until its Poller has events.
 *
 * A thread that blocks in `Poller.wait` stops its timers, promises and sockets of user code. One that hosts user code
 * sleeps here instead when it expects to sleep long: the event loop waits for everything of its own and for the
 * Poller's descriptor too, since an epoll instance with pending events is itself readable (epoll(7), question 4).
 *
 * Bun offers no way to watch a foreign descriptor, but it takes connected sockets: `Bun.connect({ fd })`. A duplicate of
 * the epoll descriptor is given to it as one. When that becomes readable, Bun's loop tries to receive, gets ENOTSOCK,
 * closes the duplicate and calls `close`: the wake-up, once for each `arm`. It costs about 20 us, so it is for the long
 * sleeps only. `probe` shows that this Bun does so; without it the thread must not host user code.
 *
 * Owned by the thread that owns the Poller. Knows nothing of what the events are.
 */
import { close, fcntl } from "../../ffi/calls.ts";
import { F_DUPFD_CLOEXEC } from "../../ffi/constants.ts";
import { check } from "../../ffi/errno.ts";
import { Poller } from "./poller.ts";
import { Waker } from "./waker.ts";

/** How long `probe` waits for its wake-up, in ms. */
const PROBE_MS = 2000;

/** Wakes the event loop of one thread when its Poller has events. */
export class LoopBridge {
  readonly #poller: Poller;
  readonly #onReady: () => void;
  readonly #socket: Bun.SocketHandler;
  #isArmed = false;

  /** @param onReady called from the event loop, once after each `arm` that found or met events */
  constructor(poller: Poller, onReady: () => void) {
    this.#poller = poller;
    this.#onReady = onReady;
    this.#socket = { data() {}, error() {}, close: () => this.#closed() };
  }

  /** Whether a wake-up is due that has not come. */
  get isArmed(): boolean {
    return this.#isArmed;
  }

  /**
   * Calls `onReady` as soon as the Poller has events, which may be so already. Nothing happens when it is armed.
   * @throws SyscallError when the process has no descriptor left (EMFILE).
   */
  arm(): void {
    if (this.#isArmed) return;
    const fd = check("fcntl", fcntl(this.#poller.fd, F_DUPFD_CLOEXEC, 0));
    try {
      Bun.connect({ fd, socket: this.#socket } as unknown as Bun.UnixSocketOptions<undefined>).catch(() => {
        close(fd);
        this.#closed();
      });
    } catch (error) {
      close(fd);
      throw error;
    }
    this.#isArmed = true;
  }

  #closed(): void {
    this.#isArmed = false;
    this.#onReady();
  }
}

/** Tells whether a bridge works in this Bun, by arming one on a Poller that has an event. Takes at most 2 s. */
export async function probeLoopBridge(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), PROBE_MS);
  let poller: Poller | null = null;
  let waker: Waker | null = null;
  try {
    poller = new Poller();
    waker = Waker.create();
    poller.requireReadable(waker.fd, 0);
    waker.wake();
    new LoopBridge(poller, () => resolve(true)).arm();
    return await promise;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    poller?.close();
    waker?.close();
  }
}
