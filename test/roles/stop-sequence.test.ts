/** The steps in which a server stops, against a real listener and control block; nobody plays the acceptor. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Listener, openListener } from "../../src/net/listener.ts";
import { StopSequence } from "../../src/roles/stop-sequence.ts";
import {
  ControlBlock,
  SERVER_CLOSED,
  SERVER_DRAINING,
  SERVER_FINISHING,
  SERVER_RUNNING,
} from "../../src/shm/control-block.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";

let control: ControlBlock;
let listener: Listener;
let states: number[];

beforeEach(() => {
  control = new ControlBlock(new SharedArrayBuffer(ControlBlock.bytes(1, 1)), 1, 1);
  listener = openListener({ hostname: "127.0.0.1", port: 0, reusePort: false, ipv6Only: false });
  states = [];
});
afterEach(() => listener.close());

const sequence = (unreadyMs: number): StopSequence =>
  new StopSequence(
    control,
    listener,
    unreadyMs,
    () => states.push(control.serverState),
    () => 0,
  );

const isRefused = (): Promise<boolean> =>
  RawClient.connect(listener.port).then(
    (client) => {
      client.close();
      return false;
    },
    () => true,
  );

describe("begin", () => {
  test("without times: unready and draining at once, nobody is accepted", async () => {
    sequence(0).begin(0);
    expect([control.isUnready, control.serverState, states]).toEqual([
      true,
      SERVER_DRAINING,
      [SERVER_DRAINING],
    ]);
    expect(await isRefused()).toBe(true);
  });

  test("unready first, while all is served", async () => {
    const steps = sequence(100);
    steps.begin(0);
    expect([control.isUnready, control.serverState]).toEqual([true, SERVER_RUNNING]);
    expect(await isRefused()).toBe(false);
    await eventually(
      "it to drain",
      () => control.serverState,
      (state) => state === SERVER_DRAINING,
    );
    expect(await isRefused()).toBe(true);
  });

  test("clients without a request get their time before they are closed", async () => {
    sequence(0).begin(50);
    expect([control.serverState, await isRefused()]).toEqual([SERVER_FINISHING, true]);
    await eventually(
      "it to drain",
      () => control.serverState,
      (state) => state === SERVER_DRAINING,
    );
    expect(states).toEqual([SERVER_FINISHING, SERVER_DRAINING]);
  });

  test("a second time does nothing", () => {
    const steps = sequence(0);
    steps.begin(0);
    steps.begin(50);
    expect(states).toEqual([SERVER_DRAINING]);
  });

  test("does not wait for an acceptor that does not answer", () => {
    control.startAcceptor();
    const start = performance.now();
    sequence(0).begin(0);
    expect(performance.now() - start).toBeLessThan(2000);
    expect(control.serverState).toBe(SERVER_DRAINING);
  });
});

describe("a port that others listen on", () => {
  let other: Listener;
  beforeEach(() => {
    listener.close();
    listener = openListener({ hostname: "127.0.0.1", port: 0, reusePort: true, ipv6Only: false });
    other = openListener({ hostname: "127.0.0.1", port: listener.port, reusePort: true, ipv6Only: false });
  });
  afterEach(() => other.close());

  test("is left before anything changes for clients, and everybody reaches the other", async () => {
    sequence(0).begin(0);
    expect(control.serverState).toBe(SERVER_RUNNING);
    await eventually(
      "it to drain",
      () => control.serverState,
      (state) => state === SERVER_DRAINING,
    );
    for (let i = 0; i < 20; i++) expect(await isRefused()).toBe(false);
    other.close();
    expect(await isRefused()).toBe(true);
  });

  test("is left although connections keep coming", async () => {
    let count = 0;
    const steps = new StopSequence(
      control,
      listener,
      0,
      () => {},
      () => count++,
    );
    steps.begin(0);
    await eventually(
      "it to drain",
      () => control.serverState,
      (state) => state === SERVER_DRAINING,
    );
  });

  test("is closed at once when there is no other any more", () => {
    other.close();
    sequence(0).begin(0);
    expect(control.serverState).toBe(SERVER_DRAINING);
  });

  test("is given up at once by force", async () => {
    const steps = sequence(0);
    steps.begin(0);
    steps.force();
    expect(control.serverState).toBe(SERVER_CLOSED);
  });
});

describe("force", () => {
  test("closes at once, whatever step it was at, and no step follows", async () => {
    for (const [unreadyMs, idleMs] of [
      [0, 0],
      [30, 0],
      [0, 30],
    ] as const) {
      control.serverState = SERVER_RUNNING;
      const steps = sequence(unreadyMs);
      steps.begin(idleMs);
      steps.force();
      expect(control.serverState).toBe(SERVER_CLOSED);
      await Bun.sleep(60);
      expect(control.serverState).toBe(SERVER_CLOSED);
    }
  });

  test("closes without having begun; begin does nothing afterwards", async () => {
    const steps = sequence(0);
    steps.force();
    steps.begin(0);
    expect([control.isUnready, states, await isRefused()]).toEqual([true, [SERVER_CLOSED], true]);
  });
});
