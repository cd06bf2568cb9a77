/** Sockets that somebody else has opened: which are taken, and what they are bound to. */
import { expect, test } from "bun:test";
import { close, fcntl, socket } from "../../ffi/calls.ts";
import {
  AF_INET,
  F_GETFD,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  O_NONBLOCK,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "../../ffi/constants.ts";
import { ERRNO } from "../../ffi/errno.ts";
import { adoptListener, inheritedAddress } from "../../src/net/inherited.ts";
import { type ListenerOptions, openListener } from "../../src/net/listener.ts";
import { RawClient } from "../support/raw-client.ts";

const open = (options: Partial<ListenerOptions>): ReturnType<typeof openListener> =>
  openListener({ port: 0, reusePort: false, ipv6Only: false, ...options });

test.each<Partial<ListenerOptions>>([
  { hostname: "127.0.0.1" },
  { hostname: "::1" },
  {},
  { unix: `\0epollo-inherited-${process.pid}` },
  { unix: `/tmp/epollo-inherited-${process.pid}` },
])("%p is known by its address", (options) => {
  const original = open(options);
  const adopted = adoptListener(original.fd);
  expect([adopted.kind, adopted.address, adopted.port, adopted.isShared]).toEqual([
    original.kind,
    original.address,
    original.port,
    true,
  ]);
  original.close();
});

test("it becomes non-blocking and close-on-exec", () => {
  const original = open({ hostname: "127.0.0.1" });
  fcntl(original.fd, F_SETFL, 0);
  fcntl(original.fd, F_SETFD, 0);
  adoptListener(original.fd);
  expect([fcntl(original.fd, F_GETFL, 0) & O_NONBLOCK, fcntl(original.fd, F_GETFD, 0)]).toEqual([
    O_NONBLOCK,
    FD_CLOEXEC,
  ]);
  original.close();
});

test("it goes on listening when the server that adopted it stops", async () => {
  const original = open({ hostname: "127.0.0.1" });
  adoptListener(original.fd).shutdown();
  (await RawClient.connect(original.port)).close();
  original.close();
});

test("what is no listening stream socket is refused", () => {
  const datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  const silent = socket(AF_INET, SOCK_STREAM, 0);
  expect(inheritedAddress(datagrams)).toBe(-ERRNO.EINVAL);
  for (const fd of [datagrams, silent, 0]) {
    expect(() => adoptListener(fd)).toThrow(`fd ${fd} is no listening TCP or unix stream socket`);
  }
  close(datagrams);
  close(silent);
  try {
    adoptListener(silent);
    expect.unreachable();
  } catch (error) {
    expect((error as { code: string }).code).toBe("EBADF");
  }
});
