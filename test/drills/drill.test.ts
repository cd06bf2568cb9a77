import { describe, expect, test } from "bun:test";
import { type Drill, DrillRun, runDrill } from "../../bench/support/drill.ts";

const drillOf = (run: Drill["run"]): Drill => ({
  description: "for this test",
  promise: 0,
  boundSeconds: 1,
  isShort: false,
  runsOnBun: true,
  run,
});

describe("runDrill", () => {
  test("gives nothing when all checks hold", async () => {
    const run = new DrillRun();
    const drill = drillOf(async (it) => it.check("left", 0, "0", true));
    expect(await runDrill(drill, run, 1)).toEqual([]);
  });

  test("gives what does not hold; against Bun.serve it is only shown", async () => {
    const drill = drillOf(async (it) => it.check("left", 3, "0", false));
    expect(await runDrill(drill, new DrillRun(), 1)).toEqual(["left: 3, promised 0"]);
    expect(await runDrill(drill, new DrillRun("bun"), 1)).toEqual([]);
  });

  test("fails on an exception and on the bound, and ends what was started, last first", async () => {
    const ended: string[] = [];
    const failing = drillOf(async (it) => {
      it.atEnd(() => void ended.push("first"));
      it.atEnd(() => {
        ended.push("second");
        throw new Error("did not end");
      });
      throw new Error("on purpose");
    });
    const failures = await runDrill(failing, new DrillRun(), 1);
    expect(failures[0]).toContain("on purpose");
    expect(failures[1]).toBe("ending: did not end");
    expect(ended).toEqual(["second", "first"]);
    const endless = drillOf(() => new Promise(() => {}));
    expect((await runDrill(endless, new DrillRun(), 0.01))[0]).toContain("not done within 0.01 s");
  });

  test("gives the figures it has when it is interrupted", async () => {
    const interrupted = new AbortController();
    const ended: string[] = [];
    const run = new DrillRun();
    const endless = drillOf((it) => {
      it.atEnd(() => void ended.push("server"));
      it.check("left", 3, "0", false);
      interrupted.abort("interrupted on purpose");
      return new Promise(() => {});
    });
    expect(await runDrill(endless, run, 1000, interrupted.signal)).toEqual([
      "interrupted on purpose",
      "left: 3, promised 0",
    ]);
    expect(ended).toEqual(["server"]);
  });

  test("gives up what does not end, and ends the rest", async () => {
    const ended: string[] = [];
    const run = new DrillRun();
    run.atEnd(() => void ended.push("first"));
    run.atEnd(() => new Promise(() => {}));
    await run.end(10);
    expect(ended).toEqual(["first"]);
    expect(run.failures).toEqual(["ending: not done within 10 ms"]);
  });
});
