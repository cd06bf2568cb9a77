/** The stage of the PROXY protocol with clients of a table: who has to say who it is, and what becomes of the address. */
import { beforeEach, expect, test } from "bun:test";
import { formatPeer } from "../../src/net/address.ts";
import type { Client } from "../../src/roles/client.ts";
import { ClientTable } from "../../src/roles/client-table.ts";
import { ProxyStage } from "../../src/roles/proxy-stage.ts";

const LOOPBACK = Int32Array.of(4 | (1000 << 16), 0x0100007f, 0, 0, 0);
const OTHER = Int32Array.of(4 | (1000 << 16), 0x0200000a, 0, 0, 0);
const HEADER = Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET");

let table: ClientTable;
let stage: ProxyStage;

beforeEach(() => {
  table = new ClientTable();
  stage = new ProxyStage(["127.0.0.0/8"], table);
});

const addressOf = (client: Client): string | undefined => formatPeer(table.peers, client.slot * 5)?.address;

test("only clients of trusted peers have to say who they are", () => {
  const [trusted, other] = [table.open(-1, LOOPBACK), table.open(-1, OTHER)];
  stage.opened(trusted);
  stage.opened(other);
  expect([trusted.proxy, other.proxy]).toEqual([stage, null]);
});

test("the header is taken once, and the address is the client's from then on", () => {
  const clients = [table.open(-1, OTHER), table.open(-1, LOOPBACK), table.open(-1, LOOPBACK)];
  stage.opened(clients[1]!);
  expect(stage.read(clients[1]!, HEADER, 0, 0)).toBe(0);
  expect(stage.read(clients[1]!, HEADER, 0, 20)).toBe(0);
  expect([clients[1]!.proxy, addressOf(clients[1]!)]).toEqual([stage, "127.0.0.1"]);
  expect(stage.read(clients[1]!, HEADER, 0, HEADER.length)).toBe(HEADER.length - 3);
  expect([clients[1]!.proxy, ...clients.map(addressOf)]).toEqual([
    null,
    "10.0.0.2",
    "192.0.2.1",
    "127.0.0.1",
  ]);
});

test("what is no header changes nothing", () => {
  const client = table.open(-1, LOOPBACK);
  stage.opened(client);
  expect(stage.read(client, HEADER, 1, HEADER.length)).toBeLessThan(0);
  expect([client.proxy, addressOf(client)]).toEqual([stage, "127.0.0.1"]);
});
