import { expect, test } from "bun:test";
import { isNullBodyStatus, reasonPhrase } from "../../src/http/status.ts";

test("reason phrases are those of Bun.serve", async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => new Response(null, { status: Number(new URL(request.url).pathname.slice(1)) }),
  });
  const differences: string[] = [];
  for (let status = 200; status < 600; status++) {
    const response = await fetch(`${server.url}${status}`, { redirect: "manual" });
    if (response.statusText !== reasonPhrase(status)) differences.push(`${status} ${response.statusText}`);
  }
  expect(differences).toEqual([]);
});

test("phrases outside what Response can carry", () => {
  expect([100, 101, 102, 103, 99, 600, 999, -1].map(reasonPhrase)).toEqual([
    "Continue",
    "Switching protocols",
    "Processing",
    "Early Hints",
    "HM",
    "HM",
    "HM",
    "HM",
  ]);
});

test("statuses without content", () => {
  const found: number[] = [];
  for (let status = 100; status < 600; status++) if (isNullBodyStatus(status)) found.push(status);
  expect(found).toEqual([101, 204, 304]);
});
