/**
 * The kernel says no, to calls that a server makes seldom: for files, at the end of a connection and of a server, at the start of
 * its threads, and when the file of the access log was renamed (./faults.test.ts has those that each request makes).
 */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ERRNO } from "../../ffi/errno.ts";
import type { FaultCall } from "../../ffi/faults.ts";
import { exchange, requestBytes } from "../support/exchange.ts";
import { endFaults, expectAsBefore, makeFaults, settledFds, startFaulty } from "../support/faulty-server.ts";
import { eventually, fdCount } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Mode, startInChild } from "../support/servers.ts";

afterEach(endFaults);

const modes: readonly Mode[] = ["pool", "main"];
type Fault = [call: FaultCall, code: keyof typeof ERRNO];

/** What fails, and what always fails besides: where openat2 is forbidden (EPERM), references to files are opened and looked up. */
type FileCase = [...fault: Fault, besides?: Fault];
const FORBIDDEN: Fault = ["openat2", "EPERM"];

describe.each(modes)("%s mode: files", (mode) => {
  const cases: FileCase[] = [
    ["open", "EMFILE"],
    ["open", "ENFILE"],
    ["open", "ENOMEM"],
    ["openat2", "EMFILE"],
    ["openat2", "ENFILE"],
    ["openat2", "ENOMEM"],
    ["openat", "EMFILE", FORBIDDEN],
    ["openat", "ENFILE", FORBIDDEN],
    ["openat", "ENOMEM", FORBIDDEN],
    ["readlinkat", "ENOMEM", FORBIDDEN],
    ["fstat", "ENOMEM"],
    ["pread", "EIO"],
    ["sendfile", "EIO"],
    ["sendfile", "ENOMEM"],
  ];
  const hidden: FileCase[] = [
    ["open", "EINTR"],
    ["openat2", "EINTR"],
    ["openat", "EINTR", FORBIDDEN],
    ["pread", "EINTR"],
    ["sendfile", "EINTR"],
    ["sendfile", "EAGAIN"],
    ["close", "EINTR"],
  ];
  const folder = mkdtempSync(join(tmpdir(), "epollo-faults-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("that cannot be opened or read are answered by 500, or the answer is cut; no descriptor is left", async () => {
    const large = "l".repeat(400_000);
    mkdirSync(join(folder, "pub"));
    for (const name of ["one.txt", "pub/small.txt"]) writeFileSync(join(folder, name), "small");
    for (const name of ["large.txt", "pub/large.txt"]) writeFileSync(join(folder, name), large);
    const { server, faults } = await startFaulty(mode, {
      entry: "features-entry.ts",
      environment: { EPOLLO_TEST_FOLDER: folder },
    });
    const targets: [string, string][] = [
      ["/pub/small.txt", "small"],
      ["/pub/large.txt", large],
      ["/one-file", "small"],
      ["/file/one.txt", "small"],
      ["/file/large.txt", large],
    ];
    const ask = async (target: string): Promise<string> => {
      const response = await exchange(server.port, target).catch((error: Error) => error.message);
      if (typeof response === "string") return response.startsWith("connection ended") ? "cut" : response;
      // The fixture's `error` answers 599 where a server without one answers 500.
      return response.status === 200
        ? response.text
        : response.status === 599
          ? "500"
          : String(response.status);
    };
    for (const [target, text] of targets) expect([target, await ask(target)]).toEqual([target, text]);
    const fds = await settledFds(server);
    for (const [call, code, besides] of hidden) {
      if (besides !== undefined) faults.fail(...besides);
      faults.fail(call, code, { every: 2 });
      for (const [target, text] of targets) {
        expect([call, code, target, await ask(target)]).toEqual([call, code, target, text]);
      }
      faults.stop();
      expect([call, code, faults.counts(call).failed > 0]).toEqual([call, code, true]);
    }
    for (const [call, code, besides] of cases) {
      if (besides !== undefined) faults.fail(...besides);
      faults.fail(call, code);
      const answers = [];
      for (const [target, text] of targets) {
        const answer = await ask(target);
        answers.push(answer === text ? "right" : answer);
      }
      faults.stop();
      expect([call, code, faults.counts(call).failed > 0]).toEqual([call, code, true]);
      const isHidden = answers.filter((answer) => !["right", "500", "cut"].includes(answer));
      expect([call, code, answers, isHidden]).toEqual([call, code, answers, []]);
      expect([call, code, answers.includes("500") || answers.includes("cut")]).toEqual([call, code, true]);
    }
    for (const [target, text] of targets) expect([target, await ask(target)]).toEqual([target, text]);
    await eventually(
      "descriptors to be closed",
      () => fdCount(server.pid),
      (count) => count <= fds,
    );
  }, 60_000);
});

describe.each(modes)("%s mode: the end of a connection, and of a server", (mode) => {
  test("a client that has more to say is closed although its half cannot be: shutdown", async () => {
    const { server, faults } = await startFaulty(mode);
    const fds = await settledFds(server);
    const bytes = requestBytes("/hello", { fields: [`X: ${"x".repeat(100_000)}`] });
    const ask = async (): Promise<void> => {
      await using client = await RawClient.connect(server.port);
      await client.send(bytes);
      await client.readUntilClose();
    };
    faults.fail("shutdown", "ENOTCONN");
    await Promise.all(Array.from({ length: 20 }, ask));
    faults.stop();
    expect(faults.counts("shutdown").failed).toBe(20);
    await expectAsBefore(server, fds);
    expect(server.errorOutput()).toBe("");
  });

  test("it stops although the file of its socket cannot be removed: unlink", async () => {
    const folder = mkdtempSync(join(tmpdir(), "epollo-faults-"));
    const path = join(folder, "socket");
    const faults = makeFaults();
    const options = { unix: path, environment: faults.environment, development: false };
    const server = await startInChild(mode, options);
    faults.fail("unlink", "ENOMEM");
    await server.stop();
    expect([faults.counts("unlink").failed > 0, existsSync(path)]).toEqual([true, true]);
    expect(server.errorOutput()).toBe("");
    rmSync(folder, { recursive: true });
  });
});

describe.each(modes)("%s mode: threads that serve clients", (mode) => {
  test("are started again when they get no epoll descriptor: epoll_create1", async () => {
    const faults = makeFaults();
    for (const code of ["EMFILE", "ENFILE", "ENOMEM"] as const) {
      faults.fail("epoll_create1", code, { times: 1 });
      const server = await startInChild(mode, { environment: faults.environment, development: false });
      expect([code, (await exchange(server.port, "/hello")).text]).toEqual([code, "hello"]);
      expect([code, faults.counts("epoll_create1").failed]).toEqual([code, 1]);
      expect(server.errorOutput()).toContain(code);
      await server.stop();
    }
  }, 30_000);
});

describe("an access log whose file is renamed", () => {
  test("goes on in the old file until the new one can take its place: open, dup3", async () => {
    const folder = mkdtempSync(join(tmpdir(), "epollo-faults-"));
    const file = join(folder, "log");
    const { server, faults } = await startFaulty("pool", { observe: { accessLog: { file } } });
    const lineOf = async (name: string, where: string): Promise<void> => {
      await eventually(
        `${name} in ${where}`,
        async () => {
          await exchange(server.port, `/hello?${name}`);
          return existsSync(where) ? readFileSync(where, "latin1") : "";
        },
        (text) => text.includes(name),
      );
    };
    await lineOf("first", file);
    let round = 0;
    for (const [call, code] of [
      ["dup3", "EMFILE"],
      ["dup3", "EINTR"],
      ["open", "ENFILE"],
    ] as const) {
      const old = `${file}.${++round}`;
      faults.fail(call, code);
      renameSync(file, old);
      await eventually(
        `${call} to fail`,
        async () => {
          await exchange(server.port, `/hello?${call}-${code}`);
          return faults.counts(call).failed;
        },
        (count) => count > 0,
      );
      await lineOf(`later-${round}`, old);
      faults.stop();
      await lineOf(`new-${round}`, file);
    }
    await server.stop();
    rmSync(folder, { recursive: true });
  }, 30_000);
});
