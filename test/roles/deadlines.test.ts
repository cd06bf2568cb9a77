import { beforeEach, describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { NEED_DATA, RequestParser } from "../../src/http/request-parser.ts";
import { TimerWheel } from "../../src/net/timer-wheel.ts";
import { CLIENT_LINGERING, Client, Task } from "../../src/roles/client.ts";
import { type ClientTimes, DEFAULT_TIMES, Deadlines, LINGER_MS, RATE_MS } from "../../src/roles/deadlines.ts";
import { Upload } from "../../src/roles/upload.ts";

const IDLE_MS = 30_000;
const head = new RequestHead(DEFAULT_LIMITS);

let wheel: TimerWheel<Client>;
let client: Client;
let deadlines: Deadlines;
let expiredAt: number | null;

/** Lets time pass up to `nowMs` in steps of 250 ms from the last call; closes the client as the dispatcher does. */
let clockMs: number;
function pass(nowMs: number): number | null {
  for (; clockMs <= nowMs && expiredAt === null; clockMs += 250) {
    wheel.advance(clockMs, (expired) => {
      if (!deadlines.extend(expired, clockMs)) expiredAt = clockMs;
    });
  }
  return expiredAt;
}

function receive(text: string, nowMs: number): void {
  const bytes = Buffer.from(text, "latin1");
  let position = 0;
  while (client.parser.next(bytes, position, bytes.length, head) !== NEED_DATA) {
    position = client.parser.position;
  }
  deadlines.update(client, nowMs);
}

/** A request whose head is complete and whose answer is awaited. */
function request(nowMs: number): Task {
  const task = new Task(client, client.answers.assign());
  client.tasks.push(task);
  deadlines.update(client, nowMs);
  return task;
}

function answer(task: Task, nowMs: number): void {
  client.answers.finish(task.sequence);
  client.forget(task);
  deadlines.update(client, nowMs);
}

function begin(idleMs = IDLE_MS): void {
  wheel = new TimerWheel<Client>(0);
  client = new Client(0, 0, -1);
  client.parser = new RequestParser(DEFAULT_LIMITS);
  deadlines = new Deadlines(wheel, idleMs);
  expiredAt = null;
  clockMs = 250;
  deadlines.opened(client, 0);
  deadlines.keep(client);
}
beforeEach(() => begin());

const within = (ms: number | null, expected: number): void => {
  expect(ms).not.toBeNull();
  expect(ms!).toBeGreaterThanOrEqual(expected);
  expect(ms!).toBeLessThanOrEqual(expected + 500);
};

describe("a head", () => {
  test("has 10 s from the connection", () => {
    within(pass(60_000), DEFAULT_TIMES.headTimeoutMs);
  });

  test("has 10 s in all, however it dribbles, whatever the idle timeout", () => {
    for (const idleMs of [1000, IDLE_MS, 0]) {
      begin(idleMs);
      for (let time = 1000; time < 30_000 && expiredAt === null; time += 1000) {
        receive("G", time);
        pass(time);
      }
      within(expiredAt, DEFAULT_TIMES.headTimeoutMs);
    }
  });

  test("has 10 s again on a connection that was idle", () => {
    answer(request(0), 0);
    pass(20_000);
    receive("GET", 20_000);
    within(pass(90_000), 20_000 + DEFAULT_TIMES.headTimeoutMs);
  });
});

describe("the idle timeout", () => {
  test("runs while an answer is awaited, anew with each piece the client takes", () => {
    request(1000);
    expect(pass(25_000)).toBeNull();
    deadlines.update(client, 25_000);
    expect(pass(50_000)).toBeNull();
    within(pass(90_000), 25_000 + IDLE_MS);
  });

  test("runs between requests", () => {
    answer(request(0), 5000);
    within(pass(90_000), 5000 + IDLE_MS);
  });

  test("shorter than the time for a head, it applies once there was one", () => {
    begin(2000);
    answer(request(100), 100);
    within(pass(60_000), 2100);
  });

  test("0 is none", () => {
    begin(0);
    const task = request(0);
    expect(pass(300_000)).toBeNull();
    answer(task, clockMs);
    expect(pass(900_000)).toBeNull();
  });

  test("can be another for one request", () => {
    const task = request(0);
    client.idleTimeoutMs = 3000;
    deadlines.update(client, 0);
    within(pass(60_000), 3000);
    begin();
    client.idleTimeoutMs = 0;
    request(0);
    expect(pass(200_000)).toBeNull();
    client.idleTimeoutMs = -1;
    answer(task, 200_000);
    within(pass(400_000), 200_000 + IDLE_MS);
  });
});

describe("a body", () => {
  function upload(idleMs: number): Task {
    begin(idleMs);
    const task = request(0);
    client.receiving = task;
    receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", 0);
    return task;
  }
  const piece = "x".repeat(DEFAULT_TIMES.minBodyRate);

  test("that comes at the least rate goes on", () => {
    upload(60_000);
    for (let time = 500; time <= 60_000; time += 500) {
      receive(piece.slice(0, DEFAULT_TIMES.minBodyRate / 2 + 100), time);
      expect(pass(time)).toBeNull();
    }
  });

  test("that comes more slowly is cut at the next look", () => {
    upload(60_000);
    for (let time = 500; time <= 40_000 && expiredAt === null; time += 500) {
      receive(piece.slice(0, DEFAULT_TIMES.minBodyRate / 4), time);
      pass(time);
    }
    within(expiredAt, RATE_MS);
  });

  test("whose handler does not read it is not the client's fault", () => {
    const task = upload(0);
    task.upload = new Upload();
    task.upload.pieceBytes = 100_000;
    expect(pass(200_000)).toBeNull();
    task.upload.pieceBytes = 0;
    expect(pass(230_000)).not.toBeNull();
  });

  test("that stops coming ends with the idle timeout where that is shorter", () => {
    upload(4000);
    receive(piece.repeat(20), 1000);
    within(pass(60_000), 5000);
  });
});

describe("with times of its own", () => {
  const begun = (times: Partial<ClientTimes>): void => {
    begin();
    wheel.remove(client);
    deadlines = new Deadlines(wheel, IDLE_MS, { ...DEFAULT_TIMES, ...times });
    deadlines.opened(client, 0);
    deadlines.keep(client);
  };

  test("a head has as long as it is given", () => {
    begun({ headTimeoutMs: 3000 });
    receive("GET", 500);
    within(pass(60_000), 3000);
    begun({ headTimeoutMs: Number.POSITIVE_INFINITY });
    receive("GET", 500);
    expect(pass(600_000)).toBeNull();
  });

  function upload(times: Partial<ClientTimes>): Task {
    begun(times);
    const task = request(0);
    client.receiving = task;
    receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", 0);
    return task;
  }

  test("a body that keeps its rate must be there in time", () => {
    upload({ bodyTimeoutMs: 25_000 });
    for (let time = 500; time <= 60_000 && expiredAt === null; time += 500) {
      receive("x".repeat(20_000), time);
      pass(time);
    }
    within(expiredAt, 25_000);
  });

  test("a body that its handler does not read is not late", () => {
    const task = upload({ bodyTimeoutMs: 5000 });
    client.idleTimeoutMs = 0;
    task.upload = new Upload();
    task.upload.pieceBytes = 100_000;
    expect(pass(100_000)).toBeNull();
  });

  test("0 lets a body be as slow as it likes", () => {
    upload({ minBodyRate: 0 });
    for (let time = 500; time <= 60_000; time += 500) {
      receive("x", time);
      expect(pass(time)).toBeNull();
    }
  });

  /** The socket is full from 1 s on, the client takes so many bytes every half second. */
  function reads(bytes: number, lastMs: number): void {
    request(0);
    deadlines.blocked(client, 1000);
    for (let time = 1500; time <= lastMs && expiredAt === null; time += 500) {
      client.takenBytes += bytes;
      deadlines.update(client, time);
      deadlines.blocked(client, time);
      pass(time);
    }
  }

  test("a client must have taken in time what waits for it", () => {
    begun({ writeTimeoutMs: 7000 });
    reads(100_000, 60_000);
    within(expiredAt, 8000);
  });

  test("one that has taken it all starts anew", () => {
    begun({ writeTimeoutMs: 7000 });
    reads(100_000, 7000);
    deadlines.drained(client);
    deadlines.blocked(client, 7500);
    within(pass(60_000), 14_500);
  });

  test("a client must take it at the least rate", () => {
    begun({ minWriteRate: 1000 });
    reads(510, 60_000);
    expect(expiredAt).toBeNull();
    begun({ minWriteRate: 1000 });
    reads(490, 60_000);
    within(expiredAt, 1000 + RATE_MS);
  });

  test("without them a client that takes something now and then stays", () => {
    begun({});
    reads(1, 120_000);
    expect(expiredAt).toBeNull();
  });
});

test("each body of a connection is judged by itself", () => {
  begin(0);
  const post = (bytes: number): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`;
  client.receiving = request(0);
  const next = (): string => {
    client.answers.assign();
    return post(300_000);
  };
  // Each piece ends one body and begins the next, so no look ever finds the connection without one.
  receive(post(300_000) + "x".repeat(200_000), 0);
  for (let time = 1000; time <= 40_000; time += 1000) {
    receive("x".repeat(100_000) + next() + "x".repeat(200_000), time);
    expect(pass(time)).toBeNull();
  }
});

test("a body that nobody wants keeps the least rate too", () => {
  begin(60_000);
  request(0);
  client.isDropping = true;
  receive("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", 0);
  for (let time = 500; time <= 40_000 && expiredAt === null; time += 500) {
    receive("x", time);
    pass(time);
  }
  within(expiredAt, RATE_MS);
});

test("a lingering client has 2 s, and nothing moves that", () => {
  request(0);
  client.state = CLIENT_LINGERING;
  deadlines.lingering(client, 1000);
  deadlines.update(client, 2000);
  within(pass(60_000), 1000 + LINGER_MS);
});
