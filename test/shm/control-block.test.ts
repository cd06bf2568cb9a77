import { describe, expect, test } from "bun:test";
import * as states from "../../src/shm/control-block.ts";
import { ControlBlock } from "../../src/shm/control-block.ts";

const { HANDLER_DEAD, HANDLER_EMPTY, HANDLER_READY, HANDLER_RETIRING, HANDLER_STARTING } = states;

function open(dispatchers = 2, handlers = 3): ControlBlock {
  const memory = new SharedArrayBuffer(ControlBlock.bytes(dispatchers, handlers));
  return new ControlBlock(memory, dispatchers, handlers);
}

/** Another thread's view of the same memory. */
function otherView(control: ControlBlock): ControlBlock {
  return new ControlBlock(
    control.words.buffer as unknown as SharedArrayBuffer,
    control.dispatcherCount,
    control.handlerCount,
  );
}

describe("handler slots", () => {
  test("start empty and go round through all states, each change seen in the epoch", () => {
    const control = open();
    const path = [HANDLER_EMPTY, HANDLER_STARTING, HANDLER_READY, HANDLER_RETIRING];
    for (let step = 1; step < path.length; step++) {
      const epoch = control.epoch;
      expect(control.handlerState(1)).toBe(path[step - 1]);
      expect(control.moveHandler(1, path[step - 1], path[step])).toBe(true);
      expect(control.epoch).toBe(epoch + 1);
    }
    const epoch = control.epoch;
    control.declareDead(1);
    expect([control.handlerState(1), control.epoch]).toEqual([HANDLER_DEAD, epoch + 1]);
    expect(control.letGo(1, 0)).toBe(false);
    expect([control.handlerState(1), control.epoch]).toEqual([HANDLER_DEAD, epoch + 1]);
    expect(control.letGo(1, 1)).toBe(true);
    expect([control.handlerState(1), control.epoch]).toEqual([HANDLER_EMPTY, epoch + 2]);
    expect([control.handlerState(0), control.handlerState(2)]).toEqual([HANDLER_EMPTY, HANDLER_EMPTY]);
  });

  test("a move from a state the slot is not in changes nothing", () => {
    const control = open();
    const all = [HANDLER_EMPTY, HANDLER_STARTING, HANDLER_READY, HANDLER_RETIRING, HANDLER_DEAD];
    control.moveHandler(0, HANDLER_EMPTY, HANDLER_STARTING);
    const epoch = control.epoch;
    for (const from of all.filter((state) => state !== HANDLER_STARTING)) {
      expect(control.moveHandler(0, from, HANDLER_READY)).toBe(false);
    }
    expect([control.handlerState(0), control.epoch]).toEqual([HANDLER_STARTING, epoch]);
  });

  test("of two that move a slot one wins", () => {
    const control = open();
    const other = otherView(control);
    control.moveHandler(0, HANDLER_EMPTY, HANDLER_STARTING);
    expect(control.moveHandler(0, HANDLER_STARTING, HANDLER_READY)).toBe(true);
    expect(other.moveHandler(0, HANDLER_STARTING, HANDLER_DEAD)).toBe(false);
    expect(other.handlerState(0)).toBe(HANDLER_READY);
  });

  test("a dead thread runs nothing, whatever it said last", () => {
    const control = open();
    control.markRunning(2, 100);
    control.declareDead(2);
    expect([control.isRunning(2), control.runningMs(2, 500)]).toEqual([false, 0]);
  });

  test("a slot can die and be used again and again", () => {
    const control = open(3, 2);
    for (let round = 0; round < 5; round++) {
      control.moveHandler(0, HANDLER_EMPTY, HANDLER_STARTING);
      control.declareDead(0);
      expect([control.letGo(0, 1), control.letGo(0, 0), control.letGo(0, 2)]).toEqual([false, false, true]);
    }
    expect([control.handlerState(0), control.deaths(0), control.deaths(1)]).toEqual([HANDLER_EMPTY, 5, 0]);
  });
});

describe("what a handler says of itself", () => {
  test("since when it runs, and how long a request takes it", () => {
    const control = open();
    control.markRunning(1, 1000.25);
    expect([control.isRunning(1), control.runningMs(1, 1002.75)]).toEqual([true, 2.5]);
    expect(control.runningMs(1, 999)).toBe(0);
    expect([control.isRunning(0), control.runningMs(0, 2000)]).toEqual([false, 0]);
    control.markStopped(1, 0.125);
    expect([control.isRunning(1), control.runningMs(1, 5000), control.serviceMs(1)]).toEqual([
      false,
      0,
      0.125,
    ]);
    expect([control.serviceMs(0), control.serviceMs(2)]).toEqual([0, 0]);
  });

  test("a new thread starts from nothing but the given service time", () => {
    const control = open();
    control.markRunning(1, 10);
    control.setOpenRequests(1, 4);
    control.handlerParker(1).announce();
    control.resetHandler(1, 0.5);
    expect([control.isRunning(1), control.openRequests(1), control.serviceMs(1)]).toEqual([false, 0, 0.5]);
    expect(control.handlerParker(1).isAsleep).toBe(false);
  });
});

describe("wishes", () => {
  test("for one more thread: taken once, by dispatcher", () => {
    const control = open();
    expect([control.takeRequest(0), control.takeRequest(1)]).toEqual([false, false]);
    control.requestHandler(1);
    control.requestHandler(1);
    expect([control.takeRequest(0), control.takeRequest(1), control.takeRequest(1)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  test("for a thread in a slot: taken once, by slot", () => {
    const control = open();
    control.wantHandler(2);
    expect([0, 1, 2, 2].map((slot) => control.takeWanted(slot))).toEqual([false, false, true, false]);
  });

  test("to stop: taken once", () => {
    const control = open();
    expect(control.takeStopRequest()).toBe(states.SERVER_RUNNING);
    otherView(control).requestStop(states.SERVER_CLOSED);
    expect(control.serverState).toBe(states.SERVER_RUNNING);
    expect([control.takeStopRequest(), control.takeStopRequest()]).toEqual([
      states.SERVER_CLOSED,
      states.SERVER_RUNNING,
    ]);
  });
});

test("the wish to keep the process alive or not: the last one counts, taken once", () => {
  const control = open();
  expect(control.takeReferenceRequest()).toBeNull();
  otherView(control).requestReference(true);
  otherView(control).requestReference(false);
  expect([control.takeReferenceRequest(), control.takeReferenceRequest()]).toEqual([false, null]);
  otherView(control).requestReference(true);
  expect(control.takeReferenceRequest()).toBe(true);
});

describe("the server's state", () => {
  test("is seen by all threads, and whoever waits for its end is told", async () => {
    const control = open();
    let isOver = false;
    const waiting = otherView(control)
      .whenClosed()
      .then(() => {
        isOver = true;
      });
    await Bun.sleep(1);
    expect(isOver).toBe(false);
    control.serverState = states.SERVER_DRAINING;
    await Bun.sleep(1);
    expect([isOver, otherView(control).serverState]).toEqual([false, states.SERVER_DRAINING]);
    control.serverState = states.SERVER_CLOSED;
    await waiting;
    await control.whenClosed();
  });
});

describe("dispatchers", () => {
  test("publish state and load, each its own", () => {
    const control = open(3, 1);
    control.setDispatcherState(1, states.DISPATCHER_RUNNING);
    control.setClients(1, 10);
    control.setInFlight(1, 4);
    control.setBacklog(1, 2);
    control.setInFlight(2, 3);
    expect([0, 1, 2].map((index) => control.dispatcherState(index))).toEqual([
      states.DISPATCHER_STARTING,
      states.DISPATCHER_RUNNING,
      states.DISPATCHER_STARTING,
    ]);
    expect(control.load(1)).toEqual({ clients: 10, inFlight: 4, backlog: 2 });
    expect(control.load(0)).toEqual({ clients: 0, inFlight: 0, backlog: 0 });
    expect(control.pendingRequests).toBe(7);
  });
});

test("no two words share a place: all are set and read back", () => {
  const control = open(2, 2);
  const parkers = [
    control.supervisorParker(),
    ...[0, 1].flatMap((index) => [control.dispatcherParker(index), control.handlerParker(index)]),
  ];
  for (const [index, parker] of parkers.entries()) {
    parker.announce();
    expect(parkers.map(({ isAsleep }) => isAsleep)).toEqual(parkers.map((_, other) => other === index));
    parker.cancel();
  }
  for (const index of [0, 1]) {
    control.setClients(index, 100 + index);
    control.setInFlight(index, 200 + index);
    control.setBacklog(index, 300 + index);
    control.requestHandler(index);
    control.wantHandler(index);
    control.setOpenRequests(index, 400 + index);
    control.markStopped(index, 500.5 + index);
    control.markRunning(index, 600.5 + index);
    parkers[1].announce();
  }
  for (const index of [0, 1]) {
    expect(control.load(index)).toEqual({
      clients: 100 + index,
      inFlight: 200 + index,
      backlog: 300 + index,
    });
    expect([control.openRequests(index), control.serviceMs(index)]).toEqual([400 + index, 500.5 + index]);
    expect(control.runningMs(index, 1000.5)).toBe(400 - index);
    expect([control.takeRequest(index), control.takeWanted(index)]).toEqual([true, true]);
    expect([control.handlerState(index), control.dispatcherState(index)]).toEqual([0, 0]);
  }
});

test("a wish to kill a thread is for that thread, not for its successor", () => {
  const control = open(1, 1);
  expect(control.takeKill(0)).toBe(false);
  expect(control.requestKill(0)).toBe(true);
  expect(control.requestKill(0)).toBe(false);
  expect(control.takeKill(0)).toBe(true);
  expect(control.takeKill(0)).toBe(false);
  control.requestKill(0);
  control.declareDead(0, true);
  expect([control.takeKill(0), control.wasKilled(0)]).toEqual([false, true]);
  control.declareDead(0);
  expect(control.wasKilled(0)).toBe(false);
});
