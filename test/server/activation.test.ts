/**
 * Socket activation and readiness with real processes: a launcher hands over a listening socket as fd 3, as systemd does,
 * and listens to what the process tells it. Debian's systemd-socket-activate is used too where it is installed.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Listener, openListener } from "../../src/net/listener.ts";
import { DatagramReceiver } from "../support/datagram-receiver.ts";
import { exchange, requestBytes } from "../support/exchange.ts";
import { Faults } from "../support/faults.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { isBunTarget } from "../support/target.ts";

const ENTRY = new URL("../fixtures/app-entry.ts", import.meta.url).pathname;
const open: { listeners: Listener[]; children: Bun.Subprocess[] } = { listeners: [], children: [] };

afterEach(async () => {
  for (const child of open.children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  for (const listener of open.listeners.splice(0)) listener.close();
});

function listen(): Listener {
  const listener = openListener({ hostname: "127.0.0.1", port: 0, reusePort: false, ipv6Only: false });
  open.listeners.push(listener);
  return listener;
}

/** Starts the app with listening sockets from fd 3 on, as a service manager does. */
function launch(
  listeners: readonly Listener[],
  options: Record<string, unknown>,
  variables: Record<string, string> = {},
): Bun.Subprocess<"pipe", "pipe", "inherit"> {
  // LISTEN_PID is known in the process itself only.
  const command = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", process.execPath, "run", ENTRY];
  const child = Bun.spawn(command, {
    stdio: ["pipe", "pipe", "inherit", ...listeners.map(({ fd }) => fd)] as never,
    env: {
      ...process.env,
      LISTEN_FDS: String(listeners.length),
      EPOLLO_TEST_MODE: "pool",
      EPOLLO_TEST_OPTIONS: JSON.stringify({ threads: { gracefulSignals: { idle: 0 } }, ...options }),
      ...variables,
    },
  }) as unknown as Bun.Subprocess<"pipe", "pipe", "inherit">;
  open.children.push(child);
  return child;
}

async function firstLine(child: Bun.Subprocess<"pipe", "pipe", "inherit">): Promise<Record<string, unknown>> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    if (text.includes("\n")) break;
  }
  return JSON.parse(text.split("\n")[0]!);
}

describe.skipIf(isBunTarget)("a socket that was handed over", () => {
  test("is served by its number; the requests that wait are answered, and it outlives the process", async () => {
    const listener = listen();
    await using early = await RawClient.connect(listener.port);
    await early.send(requestBytes("/hello"));
    const first = launch([listener], { fd: 3 });
    expect((await early.readResponse()).text).toBe("hello");
    first.kill("SIGTERM");
    expect(await first.exited).toBe(0);
    // Between two processes clients wait, and none is refused.
    await using waiting = await RawClient.connect(listener.port);
    await waiting.send(requestBytes("/hello"));
    launch([listener], { fd: 3 });
    expect((await waiting.readResponse()).text).toBe("hello");
  });

  test("is found by its name", async () => {
    const [one, two] = [listen(), listen()];
    launch([one, two], { fd: "admin" }, { LISTEN_FDNAMES: "web:admin" });
    expect((await exchange(two.port, "/hello")).text).toBe("hello");
  });

  test("is found by the address that the options name", async () => {
    const [one, two] = [listen(), listen()];
    const child = launch([one, two], { port: two.port, hostname: "127.0.0.1" });
    expect((await firstLine(child)).port).toBe(two.port);
    expect((await exchange(two.port, "/hello")).text).toBe("hello");
  });

  test("for another process is left alone", async () => {
    const listener = listen();
    const child = launch([listener], { port: listener.port, hostname: "127.0.0.1" }, { LISTEN_FDS: "0" });
    expect(String((await firstLine(child)).error)).toContain("Is port");
  });

  test("of which the kernel does not tell what it is, is an error", async () => {
    const faults = Faults.create();
    faults.fail("getsockopt", "ENOBUFS");
    const child = launch([listen()], { fd: 3 }, faults.environment);
    expect(String((await firstLine(child)).error)).toContain("ENOBUFS");
    expect(faults.counts("getsockopt").failed).toBeGreaterThan(0);
    faults.remove();
  });

  test("that is none is an error", async () => {
    const child = launch([], { fd: 0 });
    expect(String((await firstLine(child)).error)).toContain(
      "fd 0 is no listening TCP or unix stream socket",
    );
  });
});

describe.skipIf(isBunTarget)("the service manager", () => {
  test("hears when the process takes requests, and when it stops", async () => {
    const folder = mkdtempSync(join(tmpdir(), "epollo-notify-"));
    const path = join(folder, "notify");
    using receiver = new DatagramReceiver(path);
    const listener = listen();
    const child = launch([listener], { fd: 3 }, { NOTIFY_SOCKET: path });
    const heard = (count: number): Promise<readonly string[]> =>
      eventually(
        "the messages",
        () => receiver.messages,
        (messages) => messages.length >= count,
      );
    expect(await heard(1)).toEqual(["READY=1"]);
    expect((await exchange(listener.port, "/hello")).text).toBe("hello");
    child.kill("SIGTERM");
    expect(await heard(2)).toEqual(["READY=1", "STOPPING=1"]);
    expect(await child.exited).toBe(0);
    rmSync(folder, { recursive: true });
  });
});

describe.skipIf(isBunTarget)("a service manager that is not told at the first try", () => {
  test.each(["EINTR", "EAGAIN", "ENOBUFS", "ENOMEM"] as const)("for send: %s", async (code) => {
    const folder = mkdtempSync(join(tmpdir(), "epollo-notify-"));
    const path = join(folder, "notify");
    using receiver = new DatagramReceiver(path);
    const faults = Faults.create();
    faults.fail("send", code, { times: 3 });
    const child = launch([listen()], { fd: 3 }, { NOTIFY_SOCKET: path, ...faults.environment });
    const messages = await eventually(
      "it to be told",
      () => receiver.messages,
      (all) => all.length > 0,
    );
    expect([...messages]).toEqual(["READY=1"]);
    expect(faults.counts("send").failed).toBe(3);
    child.kill("SIGTERM");
    await child.exited;
    faults.remove();
    rmSync(folder, { recursive: true });
  });
});

const activate = Bun.which("systemd-socket-activate");

test.skipIf(isBunTarget || activate === null)(
  "systemd-socket-activate starts it with the first connection (skipped without it)",
  async () => {
    const free = listen();
    const { port } = free;
    free.close();
    const child = Bun.spawn(
      [
        activate!,
        `--listen=127.0.0.1:${port}`,
        "--setenv=EPOLLO_TEST_MODE=pool",
        `--setenv=EPOLLO_TEST_OPTIONS={"port":${port}}`,
        process.execPath,
        "run",
        ENTRY,
      ],
      { stdin: "pipe", stdout: "ignore", stderr: "ignore" },
    );
    open.children.push(child);
    const answer = await eventually(
      "an answer",
      () => exchange(port, "/hello").catch(() => ({ text: "" })),
      ({ text }) => text === "hello",
    );
    expect(answer.text).toBe("hello");
  },
);
