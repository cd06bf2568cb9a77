/**
 * A headless Chromium for the tests of pages, spoken to over its remote debugging protocol
 * (https://chromedevtools.github.io/devtools-protocol/), where one is installed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Path of the browser, or null: then tests that need it are skipped. */
export const CHROMIUM: string | null = Bun.which("chromium") ?? Bun.which("chromium-browser");

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly exceptionDetails?: { readonly text: string };
    readonly entry?: { readonly text: string };
  };
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** One page of a browser of its own. */
export class BrowserPage implements AsyncDisposable {
  readonly #process: Bun.Subprocess;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #waiting: Map<number, (reply: Reply) => void> = new Map();
  #next = 1;
  /** Exceptions that the page has thrown, and what the browser complains of. */
  readonly mistakes: string[] = [];

  private constructor(process: Bun.Subprocess, folder: string, socket: WebSocket) {
    this.#process = process;
    this.#folder = folder;
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      const reply = JSON.parse(String(event.data)) as Reply;
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply);
      else if (reply.method === "Runtime.exceptionThrown")
        this.mistakes.push(reply.params!.exceptionDetails!.text);
      else if (reply.method === "Log.entryAdded") this.mistakes.push(reply.params!.entry!.text);
    });
  }

  /** Opens a url in a window of a size; `isDark` asks for dark colours. */
  static async open(url: string, width: number, height: number, isDark = false): Promise<BrowserPage> {
    const folder = mkdtempSync(join(tmpdir(), "epollo-chromium-"));
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--hide-scrollbars",
      "--remote-debugging-port=0",
    ];
    const child = Bun.spawn([CHROMIUM!, ...flags, `--user-data-dir=${folder}`, "about:blank"], {
      stdout: "ignore",
      stderr: "pipe",
    });
    const address = new URL(await listeningAt(child.stderr));
    const targets = (await (await fetch(`http://${address.host}/json`)).json()) as {
      type: string;
      webSocketDebuggerUrl: string;
    }[];
    const socket = new WebSocket(targets.find(({ type }) => type === "page")!.webSocketDebuggerUrl);
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const page = new BrowserPage(child, folder, socket);
    for (const domain of ["Runtime", "Log", "Page"]) await page.#ask(`${domain}.enable`, {});
    const features = [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }];
    await page.#ask("Emulation.setEmulatedMedia", { features });
    await page.#ask("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await page.#ask("Page.navigate", { url });
    return page;
  }

  async #ask(method: string, params: object): Promise<unknown> {
    const id = this.#next++;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    this.#waiting.delete(id);
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result;
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const reply = (await this.#ask("Runtime.evaluate", { expression, returnByValue: true })) as {
      result: { value?: unknown };
    };
    return reply.result.value;
  }

  /** The whole page as PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = (await this.#ask("Page.captureScreenshot", { captureBeyondViewport: true })) as {
      data: string;
    };
    return Buffer.from(data, "base64");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    this.#process.kill();
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

async function listeningAt(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = stream(stderr);
  for await (const part of reader) {
    text += decoder.decode(part, { stream: true });
    const found = /listening on (ws:\S+)/.exec(text);
    if (found !== null) return found[1]!;
  }
  throw new Error(`no browser: ${text}`);
}

/** Iterates without closing the stream at the end: the browser goes on writing. */
async function* stream(stderr: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stderr.getReader();
  for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
}
