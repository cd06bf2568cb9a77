import { afterEach, expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import {
  closeHeld,
  dropDescriptor,
  holdDescriptor,
  holdDescriptorsAs,
} from "../../src/roles/held-descriptors.ts";
import { DescriptorLedger, descriptorLedgerBytes } from "../../src/shm/descriptor-ledger.ts";

afterEach(() => holdDescriptorsAs(null, 0));

test("what was held and neither dropped nor closed is in the ledger", () => {
  const ledger = new DescriptorLedger(new SharedArrayBuffer(descriptorLedgerBytes()));
  holdDescriptorsAs(ledger, 3);
  const [kept, dropped, closed] = [0, 1, 2].map(() => openSync("/dev/null", "r")) as [number, number, number];
  for (const fd of [kept, dropped, closed]) holdDescriptor(fd);
  dropDescriptor(dropped);
  closeHeld(closed);
  expect(() => closeSync(closed)).toThrow("EBADF");
  expect(ledger.takeAll(3)).toEqual([kept]);
  closeSync(kept);
  closeSync(dropped);
});

test("on a thread that keeps no ledger, descriptors are closed all the same", () => {
  const fd = openSync("/dev/null", "r");
  holdDescriptor(fd);
  closeHeld(fd);
  expect(() => closeSync(fd)).toThrow("EBADF");
});
