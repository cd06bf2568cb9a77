import { describe, expect, test } from "bun:test";
import { parseOutput } from "../../bench/support/wrk-output.ts";
import { type Load, wrkScript } from "../../bench/support/wrk-script.ts";

const LOAD: Load = { path: "/", connections: 2, seconds: 1 };

function output(raw: object, latencies: readonly (readonly [number, number])[] = []): string {
  const result = {
    requests: 100,
    durationUs: 1_000_000,
    intervalUs: 1000,
    p50Us: 5,
    p99Us: 6,
    p999Us: 7,
    maxUs: 8,
    errors: 0,
    readErrors: 0,
    areLatenciesCorrected: false,
    hasLatencies: latencies.length > 0,
    readingUs: 100_000,
    ...raw,
  };
  const lines = latencies.map(([value, count]) => `LATENCY ${value} ${count}\n`).join("");
  return `Running 1s test @ http://127.0.0.1:1/\n  1 threads and 2 connections\n${lines}RESULT ${JSON.stringify(result)}\n`;
}

describe("parseOutput", () => {
  test("takes wrk's percentiles where the latencies are not printed", () => {
    const result = parseOutput(output({ durationUs: 2_000_000, errors: 3 }), LOAD, 1_100_000)!;
    expect(result).toMatchObject({ p50Us: 5, p99Us: 6, p999Us: 7, maxUs: 8, errors: 3 });
    expect(result.requestsPerSecond).toBe(50);
    // Less what it took to read the latencies.
    expect(result.clientCoresBusy).toBe(0.5);
  });

  test("takes wrk's additions out of the latencies", () => {
    // One request of 5.5 ms at an interval of 1 ms: wrk has added 4.5, 3.5, 2.5 and 1.5 ms.
    const latencies = [
      [100, 99],
      [1500, 1],
      [2500, 1],
      [3500, 1],
      [4500, 1],
      [5500, 1],
    ] as const;
    expect(parseOutput(output({}, latencies), LOAD, 0)).toMatchObject({
      p50Us: 100,
      p99Us: 100,
      p999Us: 5500,
    });
  });

  test("leaves latencies alone that are as many as the requests", () => {
    const latencies = [
      [100, 97],
      [4500, 2],
      [5500, 1],
    ] as const;
    expect(parseOutput(output({}, latencies), LOAD, 0)).toMatchObject({ p99Us: 4500, maxUs: 5500 });
  });

  test("takes the slow ones of a mixed load out", () => {
    const latencies = [
      [100, 98],
      [700, 1],
      [20_000, 1],
    ] as const;
    const mixed = { ...LOAD, slowEvery: 100, slowPath: "/slow" };
    expect(parseOutput(output({ intervalUs: 20_000 }, latencies), mixed, 0)).toMatchObject({ maxUs: 700 });
  });

  test("counts reads that fail, but for one by request where each has its connection", () => {
    const closing = { ...LOAD, closes: true };
    expect(parseOutput(output({ readErrors: 100 }), LOAD, 0)!.errors).toBe(100);
    expect(parseOutput(output({ readErrors: 100 }), closing, 0)!.errors).toBe(0);
    expect(parseOutput(output({ readErrors: 103, errors: 4 }), closing, 0)!.errors).toBe(7);
    expect(parseOutput(output({ readErrors: 0, errors: 4 }), closing, 0)!.errors).toBe(4);
  });

  test("is null without a result", () => {
    expect(parseOutput("unable to connect to 127.0.0.1:1 Connection refused\n", LOAD, 0)).toBeNull();
  });
});

describe("wrkScript", () => {
  test("has what the load asks for, and no more", () => {
    const plain = wrkScript(LOAD);
    expect(plain).toContain('wrk.method = "GET"');
    for (const absent of ["wrk.body", "request =", "init =", '"Connection"'])
      expect(plain).not.toContain(absent);
    expect(wrkScript({ ...LOAD, method: "POST", bodyBytes: 1024 })).toContain('string.rep("b", 1024)');
    expect(wrkScript({ ...LOAD, pipeline: 16 })).toContain("string.rep(wrk.format(), 16)");
    expect(wrkScript({ ...LOAD, closes: true })).toContain('wrk.headers["Connection"] = "close"');
    const mixed = wrkScript({ ...LOAD, slowEvery: 100, slowPath: "/mixed?slow" });
    expect(mixed).toContain("counter % 100 == 0");
    expect(mixed).toContain('wrk.format(nil, "/mixed?slow")');
  });
});
