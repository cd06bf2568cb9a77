import { afterEach, describe, expect, test } from "bun:test";
import { Worker } from "node:worker_threads";
import { Waker } from "../../src/net/waker.ts";
import { closeIdleClients } from "../../src/roles/close-idle.ts";
import { ControlBlock, DISPATCHER_ENDED } from "../../src/shm/control-block.ts";

const workers: Worker[] = [];
const wakers: Waker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
  for (const waker of wakers.splice(0)) waker.close();
});

/** A control block with dispatchers of their own threads, each of which has so many idle clients; null for none. */
async function start(clients: readonly (number | null)[]): Promise<ControlBlock> {
  const count = clients.length;
  const memory = new SharedArrayBuffer(ControlBlock.bytes(count, 1));
  await Promise.all(
    clients.map(async (idle, index) => {
      const waker = Waker.create();
      wakers.push(waker);
      if (idle === null) return;
      const worker = new Worker(new URL("./close-idle-worker.ts", import.meta.url), {
        workerData: { memory, count, index, clients: idle, wakerFd: waker.fd },
      });
      workers.push(worker);
      await new Promise((resolve) => worker.once("message", resolve));
    }),
  );
  return new ControlBlock(memory, count, 1);
}

/** For those that do answer: a loaded machine may take its time to run them. */
const PATIENT_MS = 4000;

describe("closeIdleClients", () => {
  test("wakes every dispatcher and adds up what they closed", async () => {
    const control = await start([3, 0, 39]);
    expect(closeIdleClients(control, wakers, null, PATIENT_MS)).toBe(42);
    for (const index of [0, 1, 2]) expect(control.isCloseIdleRequested(index)).toBe(false);
  });

  test("does not wait for a dispatcher that has ended", async () => {
    const control = await start([null, 5]);
    control.setDispatcherState(0, DISPATCHER_ENDED);
    const before = performance.now();
    expect(closeIdleClients(control, wakers, null, PATIENT_MS)).toBe(5);
    // The ended one would take all of the time.
    expect(performance.now() - before).toBeLessThan(PATIENT_MS);
  });

  test("does not count one that does not answer, and asks it to do it later", async () => {
    const control = await start([null, 7]);
    // The other one has the time of the first as well.
    expect(closeIdleClients(control, wakers, null, PATIENT_MS / 4)).toBe(7);
    expect(control.isCloseIdleRequested(0)).toBe(true);
  });

  test("a late answer to one call is not taken for that of the next", async () => {
    const control = await start([null]);
    expect(closeIdleClients(control, wakers)).toBe(0);
    control.answerCloseIdle(0, 9);
    expect(closeIdleClients(control, wakers)).toBe(0);
    expect(control.isCloseIdleRequested(0)).toBe(true);
  });
});
