import { expect, test } from "bun:test";
import {
  ACCEPTOR_OWNER,
  DescriptorLedger,
  descriptorLedgerBytes,
  LEDGER_DESCRIPTORS,
} from "../../src/shm/descriptor-ledger.ts";

test("gives what a dead thread held, once, and nothing of others", () => {
  const memory = new SharedArrayBuffer(descriptorLedgerBytes());
  const thread = new DescriptorLedger(memory);
  const main = new DescriptorLedger(memory);
  for (const fd of [0, 7, 9, LEDGER_DESCRIPTORS - 1]) thread.hold(fd, 1);
  thread.hold(8, 2);
  thread.hold(10, ACCEPTOR_OWNER);
  thread.drop(9);
  expect(main.takeAll(1)).toEqual([0, 7, LEDGER_DESCRIPTORS - 1]);
  expect([main.takeAll(1), main.takeAll(2), main.takeAll(ACCEPTOR_OWNER)]).toEqual([[], [8], [10]]);
});

test("a number that is used again belongs to whoever holds it last", () => {
  const ledger = new DescriptorLedger(new SharedArrayBuffer(descriptorLedgerBytes()));
  ledger.hold(5, 1);
  ledger.drop(5);
  ledger.hold(5, 2);
  expect([ledger.takeAll(1), ledger.takeAll(2)]).toEqual([[], [5]]);
});

test("numbers that it does not keep are no harm", () => {
  const ledger = new DescriptorLedger(new SharedArrayBuffer(descriptorLedgerBytes()));
  for (const fd of [-1, LEDGER_DESCRIPTORS, 2 ** 30]) {
    ledger.hold(fd, 1);
    ledger.drop(fd);
  }
  ledger.hold(LEDGER_DESCRIPTORS + 3, 1);
  expect(ledger.takeAll(1)).toEqual([]);
});
