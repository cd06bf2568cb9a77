/** `limits`: defaults, what is accepted, and what each mistake is told. */
import { describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { DEFAULT_TIMES } from "../../src/roles/deadlines.ts";
import { DEFAULT_PIPELINED } from "../../src/roles/request-reader.ts";
import { resolveLimits } from "../../src/serve/limit-options.ts";

describe("defaults", () => {
  test("are those of the layers below", () => {
    const limits = resolveLimits(undefined);
    expect(limits).toMatchObject({ parser: DEFAULT_LIMITS, ...DEFAULT_TIMES, pipelined: DEFAULT_PIPELINED });
    expect(limits).toMatchObject({
      requestsPerConnection: Infinity,
      connections: Infinity,
      connectionsPerAddress: Infinity,
      whenFull: "refuse",
      backlogBytes: 64 * 1024 * 1024,
    });
    expect([Object.isFrozen(limits), Object.isFrozen(limits.parser)]).toEqual([true, true]);
  });

  test("undefined is not given", () => {
    expect(resolveLimits({ headerBytes: undefined, whenFull: undefined })).toEqual(resolveLimits({}));
  });

  test("a request line may be as long as the head", () => {
    expect(resolveLimits({ headerBytes: 1000 }).parser).toMatchObject({
      headBytes: 1000,
      requestLineBytes: 1000,
    });
  });
});

test("every number at its bounds", () => {
  const least = {
    headerBytes: 64,
    headerCount: 1,
    requestLineBytes: 16,
    trailerBytes: 2,
    chunkExtensionBytes: 0,
    headTimeout: 1,
    bodyTimeout: 1,
    minBodyRate: 0,
    writeTimeout: 1,
    minWriteRate: 0,
    pipelined: 1,
    requestsPerConnection: 1,
    connections: 1,
    connectionsPerAddress: 1,
    backlogBytes: 0,
  };
  expect(resolveLimits(least)).toMatchObject({ headTimeoutMs: 1, connections: 1, backlogBytes: 0 });
  const canBeInfinite = [
    "headTimeout",
    "bodyTimeout",
    "writeTimeout",
    "requestsPerConnection",
    "connections",
    "connectionsPerAddress",
    "backlogBytes",
  ];
  for (const [name, bound] of Object.entries(least)) {
    expect(() => resolveLimits({ [name]: bound - 1 })).toThrow(
      `limits.${name} must be an integer from ${bound}`,
    );
    if (canBeInfinite.includes(name)) resolveLimits({ [name]: Infinity });
    else expect(() => resolveLimits({ [name]: Infinity })).toThrow(RangeError);
  }
  expect(resolveLimits({ whenFull: "wait" }).whenFull).toBe("wait");
});

test.each([
  [
    { headerBytes: 65_537 },
    RangeError,
    "limits.headerBytes must be an integer from 64 to 65536 bytes, but was 65537",
  ],
  [
    { headTimeout: 0 },
    RangeError,
    "limits.headTimeout must be an integer from 1 to 2147483647 ms, or Infinity, but was 0",
  ],
  [
    { headTimeout: "5" },
    TypeError,
    'limits.headTimeout must be an integer from 1 to 2147483647 ms, or Infinity, but was "5"',
  ],
  [
    { connections: 1.5 },
    RangeError,
    "limits.connections must be an integer from 1 to 2147483647, or Infinity, but was 1.5",
  ],
  [
    { headerBytes: 500, requestLineBytes: 501 },
    RangeError,
    "limits.requestLineBytes must be at most limits.headerBytes, which is 500, but was 501",
  ],
  [{ whenFull: "close" }, TypeError, 'limits.whenFull must be "refuse" or "wait", but was "close"'],
  [5, TypeError, "limits must be an object, but was 5"],
  [null, TypeError, "limits must be an object, but was null"],
] as const)("mistake %#", (limits, type, message) => {
  expect(() => resolveLimits(limits)).toThrow(type);
  expect(() => resolveLimits(limits)).toThrow(message);
});

test("a member that does not exist is told which do", () => {
  expect(() => resolveLimits({ headers: 5 })).toThrow(
    /^limits has no option "headers"; it accepts headerBytes, .*whenFull$/,
  );
});
