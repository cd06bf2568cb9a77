import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRNO } from "../../ffi/errno.ts";
import { notifyManager } from "../../src/net/notify.ts";
import { DatagramReceiver } from "../support/datagram-receiver.ts";
import { fdCount } from "../support/process-info.ts";

test("messages arrive at a path and at an abstract name", () => {
  const folder = mkdtempSync(join(tmpdir(), "epollo-notify-"));
  const path = join(folder, "notify");
  const name = `epollo-notify-${process.pid}`;
  using atPath = new DatagramReceiver(path);
  using atName = new DatagramReceiver(`\0${name}`);
  expect([notifyManager(path, "READY=1"), notifyManager(`@${name}`, "A=1\nB=ä")]).toEqual([0, 0]);
  expect([atPath.messages, atName.messages]).toEqual([["READY=1"], ["A=1\nB=ä"]]);
  rmSync(folder, { recursive: true });
});

test("nobody there, or no path that there could be: an error number, and no descriptor left", () => {
  const before = fdCount();
  expect(notifyManager("/nonexistent/notify", "READY=1")).toBe(-ERRNO.ENOENT);
  expect(notifyManager(`/${"x".repeat(200)}`, "READY=1")).toBe(-ERRNO.ENAMETOOLONG);
  expect(fdCount()).toBe(before);
});
