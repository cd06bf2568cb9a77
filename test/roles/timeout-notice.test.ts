import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { Client, Task } from "../../src/roles/client.ts";
import { allocateServerMemory, controlOf } from "../../src/roles/server-memory.ts";
import { TimeoutNotice } from "../../src/roles/timeout-notice.ts";

let warn: ReturnType<typeof spyOn>;
let client: Client;
beforeEach(() => {
  warn = spyOn(console, "warn").mockImplementation(() => {});
  client = new Client(0, 1, -1);
  client.tasks.push(Object.create(Task.prototype));
});
afterEach(() => warn.mockRestore());

const control = () => controlOf(allocateServerMemory(2, 1));

test("the first request of a server that times out is told of, with the time, once for all dispatchers", () => {
  const shared = control();
  const notices = [0, 1].map(() => new TimeoutNotice(shared, true, 10_000));
  for (const notice of [...notices, ...notices]) notice.tell(client);
  expect(warn.mock.calls).toEqual([
    [
      "epollo: a request timed out after 10 seconds. Pass `idleTimeout` to serve(), or call server.timeout(), to change that.",
    ],
  ]);
});

test("not where a time-out was given, or in production", () => {
  new TimeoutNotice(control(), false, 10_000).tell(client);
  client.idleTimeoutMs = 3000;
  new TimeoutNotice(control(), true, 10_000).tell(client);
  expect(warn).not.toHaveBeenCalled();
});

test("not for a client without a request, one whose body is still to come, one that does not read", () => {
  const notice = new TimeoutNotice(control(), true, 10_000);
  notice.tell(new Client(0, 1, -1));
  client.arriving = client.tasks[0]!;
  notice.tell(client);
  client.arriving = null;
  client.blockedSinceMs = 5;
  notice.tell(client);
  expect(warn).not.toHaveBeenCalled();
  client.blockedSinceMs = -1;
  notice.tell(client);
  expect(warn).toHaveBeenCalledTimes(1);
});
