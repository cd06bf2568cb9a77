import { describe, expect, test } from "bun:test";
import { CLIENT_CLOSED, CLIENT_ENDING, CLIENT_OPEN, Client, Task } from "../../src/roles/client.ts";
import { ClientTable } from "../../src/roles/client-table.ts";
import { PEER_ADDRESS_WORDS } from "../../src/shm/incoming-queue.ts";

const peer = (seed: number) => Int32Array.from({ length: PEER_ADDRESS_WORDS }, (_, word) => seed * 10 + word);
const addressOf = (table: ClientTable, client: Client) =>
  Array.from(table.peers.subarray(client.slot * PEER_ADDRESS_WORDS, (client.slot + 1) * PEER_ADDRESS_WORDS));

describe("a table of clients", () => {
  test("finds a client by slot and generation", () => {
    const table = new ClientTable();
    const client = table.open(33, peer(1));
    expect([client.fd, client.state, table.count]).toEqual([33, CLIENT_OPEN, 1]);
    expect(table.find(client.slot, client.generation)).toBe(client);
    expect(table.find(client.slot, client.generation + 1)).toBeNull();
    for (const slot of [-1, 1, 63, 64, 1_000_000]) expect(table.find(slot, 0)).toBeNull();
  });

  test("tells clients of the loopback interface from others", () => {
    const table = new ClientTable();
    const at = (byte: number) => Int32Array.of(4 | (80 << 16), byte, 0, 0, 0);
    expect([table.open(3, at(127)).isNear, table.open(4, at(10)).isNear]).toEqual([true, false]);
  });

  test("a slot that is used again has another generation: late events miss", () => {
    const table = new ClientTable();
    const first = table.open(3, peer(1));
    table.close(first);
    expect([table.count, table.find(first.slot, first.generation)]).toEqual([0, null]);
    const second = table.open(3, peer(2));
    expect(second.slot).toBe(first.slot);
    expect(second.generation).not.toBe(first.generation);
    expect(table.find(first.slot, first.generation)).toBeNull();
    expect(table.find(second.slot, second.generation)).toBe(second);
  });

  test("closing twice is once, also when the slot has a new client", () => {
    const table = new ClientTable();
    const first = table.open(3, peer(1));
    table.close(first);
    table.close(first);
    const second = table.open(4, peer(2));
    table.close(first);
    expect([table.count, table.find(second.slot, second.generation)]).toEqual([1, second]);
    expect(table.open(5, peer(3)).slot).not.toBe(second.slot);
  });

  test("holds thousands, each with its address", () => {
    const table = new ClientTable();
    const clients = Array.from({ length: 3000 }, (_, index) => table.open(index, peer(index)));
    expect([table.count, new Set(clients.map(({ slot }) => slot)).size]).toEqual([3000, 3000]);
    for (const [index, client] of clients.entries()) {
      expect(table.find(client.slot, client.generation)).toBe(client);
      expect(addressOf(table, client)).toEqual(Array.from(peer(index)));
    }
    for (const client of clients.filter((_, index) => index % 2 === 0)) table.close(client);
    expect(table.count).toBe(1500);
    const again = table.open(9, peer(7777));
    expect(again.slot).toBeLessThan(3000);
    expect(addressOf(table, again)).toEqual(Array.from(peer(7777)));
  });

  test("visits each client once, and may close it meanwhile", () => {
    const table = new ClientTable();
    const clients = Array.from({ length: 100 }, (_, index) => table.open(index, peer(index)));
    table.close(clients[10]);
    const seen: number[] = [];
    table.forEach((client) => {
      seen.push(client.fd);
      table.close(client);
    });
    expect(seen.sort((a, b) => a - b)).toEqual(clients.map(({ fd }) => fd).filter((fd) => fd !== 10));
    expect(table.count).toBe(0);
    table.forEach(() => {
      throw new Error("there is no client left");
    });
  });
});

describe("a client", () => {
  test("is idle without requests", () => {
    const client = new Client(0, 0, 3);
    expect(client.isIdle).toBe(true);
    const task = new Task(client, client.answers.assign());
    client.tasks.push(task);
    expect(client.isIdle).toBe(false);
    client.forget(task);
    expect(client.isIdle).toBe(false);
    client.answers.finish(task.sequence);
    expect(client.isIdle).toBe(true);
  });

  test("forgets requests in any order, and unknown ones without harm", () => {
    const client = new Client(0, 0, 3);
    const tasks = [0, 1, 2].map((sequence) => new Task(client, sequence));
    client.tasks.push(...tasks);
    client.forget(tasks[1]);
    client.forget(tasks[1]);
    expect(client.tasks).toEqual([tasks[0], tasks[2]]);
    client.forget(tasks[2]);
    client.forget(tasks[0]);
    expect(client.tasks).toEqual([]);
  });

  test("reads nothing more once it is ending, and a closed one stays closed", () => {
    const client = new Client(0, 0, 3);
    client.stopReading();
    expect(client.state).toBe(CLIENT_ENDING);
    client.state = CLIENT_CLOSED;
    client.stopReading();
    expect(client.state).toBe(CLIENT_CLOSED);
  });
});
