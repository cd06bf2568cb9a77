import { expect, test } from "bun:test";
import { CLIENT_CLOSED, Client } from "../../src/roles/client.ts";
import { ReadyList } from "../../src/roles/ready-list.ts";

const clientOf = (slot: number): Client => new Client(slot, 0, -1);

test("each client is served once, in order, and is off the list then", () => {
  const list = new ReadyList();
  const clients = [0, 1, 2].map(clientOf);
  for (const client of [...clients, clients[0]]) list.add(client);
  const served: number[] = [];
  list.walk((client) => served.push(client.slot));
  expect(served).toEqual([0, 1, 2]);
  expect([list.hasSome, clients[0].isListed]).toEqual([false, false]);
  list.walk(() => served.push(-1));
  expect(served).toHaveLength(3);
});

test("a client that is listed while the list is walked comes in the next turn", () => {
  const list = new ReadyList();
  const [first, second] = [clientOf(0), clientOf(1)];
  list.add(first);
  list.add(second);
  const served: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    list.walk((client) => {
      served.push(client.slot);
      if (client === first) list.add(first);
    });
  }
  expect(served).toEqual([0, 1, 0, 0]);
  expect(list.hasSome).toBe(true);
});

test("one that was closed meanwhile is passed over", () => {
  const list = new ReadyList();
  const [first, second] = [clientOf(0), clientOf(1)];
  list.add(first);
  list.add(second);
  const served: number[] = [];
  list.walk((client) => {
    served.push(client.slot);
    second.state = CLIENT_CLOSED;
  });
  expect(served).toEqual([0]);
});
