/** The live page in a browser, under real load; skipped where there is no Chromium. */
import { afterEach, describe, expect, test } from "bun:test";
import { LIVE_PAGE } from "../../src/roles/live-page.ts";
import { BrowserPage, CHROMIUM } from "../support/browser.ts";
import { eventually } from "../support/process-info.ts";
import { type RunningServer, startClosure, startServer, stopAll } from "../support/servers.ts";

afterEach(stopAll);

test("the page loads nothing from elsewhere", () => {
  expect(LIVE_PAGE).toStartWith("<!doctype html>");
  expect(LIVE_PAGE).not.toMatch(/(?:src|href)="(?!data:)|@import|url\(|https?:/);
});

/** Asks for something every few milliseconds until it is disposed of. */
function load(server: RunningServer, ...paths: readonly string[]): AsyncDisposable {
  let isOver = false;
  const ends = paths.map(async (path) => {
    while (!isOver) {
      await (await fetch(`${server.url}${path}`)).text();
      await Bun.sleep(5);
    }
  });
  return {
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      await Promise.all(ends);
    },
  };
}

/** The text of an element once it fits. */
async function textOf(page: BrowserPage, selector: string, fits: (text: string) => boolean): Promise<string> {
  const read = async (): Promise<string> =>
    String(await page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? ""`));
  return eventually(selector, read, fits, 20_000);
}

describe.skipIf(CHROMIUM === null)("in Chromium (skipped without it)", () => {
  const sizes = [
    [1280, false],
    [400, true],
  ] as const;

  test.each(sizes)(
    "%d pixels wide: draws what happens, fits, and complains of nothing",
    async (width, isDark) => {
      await using server = await startServer("pool", { observe: { page: "/_epollo" } });
      await using _ = load(server, "hello", "slow?ms=5", "cpu?ms=3", "throw");
      await using page = await BrowserPage.open(`${server.url}_epollo`, width, 900, isDark);
      expect(await textOf(page, "#state", (text) => text.startsWith("up "))).toContain("dispatcher");
      const tile = (index: number): string => `#tiles > :nth-child(${index}) b`;
      expect(Number(await textOf(page, tile(1), (text) => Number(text) > 0))).toBeGreaterThan(0);
      expect(await textOf(page, tile(8), (text) => / m?s$/.test(text))).toMatch(/^[\d.]+ m?s$/);
      await textOf(page, "#charts", (text) => text.includes("500") && text.includes("running"));
      expect(await textOf(page, "#charts > :nth-child(6) h2", (text) => text !== "")).toStartWith("Kinds");
      await textOf(page, "#charts > :nth-child(6) .legend b", (text) => Number(text) > 0);
      const lines = await page.evaluate(
        '[...document.querySelectorAll("path")].filter((p) => p.getAttribute("d")).length',
      );
      expect(lines).toBeGreaterThan(8);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      const outside = `[...document.querySelectorAll("h2, b, svg, td")].filter((e) => {
        const box = e.getBoundingClientRect();
        const card = e.closest(".card, .scroll").getBoundingClientRect();
        return box.right > card.right + 1 || box.left < card.left - 1;
      }).map((e) => e.textContent).join()`;
      expect(await page.evaluate(outside)).toBe("");
      expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe(
        isDark ? "rgb(18, 21, 27)" : "rgb(246, 247, 249)",
      );
      expect(page.mistakes).toEqual([]);
      expect((await page.screenshot()).length).toBeGreaterThan(10_000);
    },
    30_000,
  );

  test("says so when the server is gone", async () => {
    const server = startClosure({ observe: { page: "/_epollo" }, fetch: () => new Response() });
    await using page = await BrowserPage.open(`${server.url}_epollo`, 800, 600);
    await textOf(page, "#state", (text) => text.startsWith("up "));
    await server.stop(true);
    expect(await textOf(page, "#state.lost", (text) => text !== "")).toBe("no answer from the server");
  }, 30_000);
});
