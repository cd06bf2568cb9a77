/** The metrics path: answered by the dispatcher, with numbers that fit what was asked. */
import { afterEach, describe, expect, test } from "bun:test";
import { type MetricFamily, metric, parseMetrics } from "../support/metrics-text.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type RunningServer, startClosure, startServer, stopAll } from "../support/servers.ts";
import { serve } from "../support/target.ts";

afterEach(stopAll);

async function scrape(server: RunningServer): Promise<Map<string, MetricFamily>> {
  const response = await fetch(`${server.url}metrics`);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseMetrics(await response.text());
}

describe.each(MODES)("%s", (mode) => {
  test("counts requests, answers by status, parse errors by kind, bytes, waits and runs", async () => {
    await using server = await startServer(mode, { observe: { metrics: "/metrics" } });
    const before = await scrape(server);
    for (let i = 0; i < 20; i++) await (await fetch(`${server.url}hello`)).text();
    await (await fetch(`${server.url}metrics`, { method: "DELETE" })).text();
    await using raw = await RawClient.connect(server.port);
    await raw.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n");
    expect((await raw.readResponse()).status).toBe(400);
    const after = await scrape(server);
    const grown = (sample: string): number => metric(after, sample) - metric(before, sample);
    expect({
      requests: grown("epollo_requests_total"),
      bad: grown('epollo_responses_total{status="400"}'),
      denied: grown('epollo_responses_total{status="405"}'),
      kind: grown('epollo_parse_errors_total{kind="bad_content_length"}'),
    }).toEqual({ requests: 22, bad: 1, denied: 1, kind: 1 });
    // The scrape before counted itself after it was made.
    expect(grown('epollo_responses_total{status="200"}')).toBe(21);
    for (const name of ["epollo_queue_wait_seconds", "epollo_run_seconds"]) {
      const inline = grown(`${name}_count{placement="inline"}`);
      expect(inline + grown(`${name}_count{placement="thread"}`)).toBe(20);
      if (mode === "main") expect(inline).toBe(0);
    }
    expect(grown("epollo_received_bytes_total")).toBeGreaterThan(20 * 50);
    expect(grown("epollo_sent_bytes_total")).toBeGreaterThan(20 * 50);
    expect(metric(after, "epollo_start_time_seconds")).toBeWithin(
      Date.now() / 1000 - 600,
      Date.now() / 1000 + 1,
    );
    const alive = metric(after, 'epollo_handler_threads{state="idle"}');
    expect(alive + metric(after, 'epollo_handler_threads{state="busy"}')).toBeGreaterThanOrEqual(1);
    if (mode !== "main")
      expect(metric(after, "epollo_handler_threads_spawned_total")).toBeGreaterThanOrEqual(1);
  });
});

test("answers while the handlers hang, and says that requests wait", async () => {
  const gate = Promise.withResolvers<void>();
  const server = startClosure({
    observe: { metrics: "/metrics" },
    fetch: async () => {
      await gate.promise;
      return new Response("late");
    },
  });
  const late = Array.from({ length: 3 }, async () => (await fetch(server.url)).text());
  let families = await scrape(server);
  while (metric(families, 'epollo_queue_wait_seconds_count{placement="thread"}') < 3)
    families = await scrape(server);
  expect(metric(families, "epollo_requests_in_flight")).toBe(3);
  expect(metric(families, 'epollo_handler_threads{state="busy"}')).toBe(1);
  expect(metric(families, 'epollo_run_seconds_count{placement="thread"}')).toBe(0);
  await Bun.sleep(30);
  gate.resolve();
  expect(await Promise.all(late)).toEqual(["late", "late", "late"]);
  families = await scrape(server);
  expect(metric(families, 'epollo_run_seconds_count{placement="thread"}')).toBe(3);
  expect(metric(families, 'epollo_run_seconds_sum{placement="thread"}')).toBeGreaterThan(0.085);
});

test("without the option the path is the handlers', and server.metrics() has the text", async () => {
  const server = serve({
    port: 0,
    handlers: "main",
    fetch: (request: Request) => new Response(new URL(request.url).pathname),
  }) as ReturnType<typeof serve> & { metrics(): string };
  try {
    expect(await (await fetch(`${server.url}metrics`)).text()).toBe("/metrics");
    expect(metric(parseMetrics(server.metrics()), 'epollo_responses_total{status="200"}')).toBe(1);
  } finally {
    await server.stop(true);
  }
});

test("goes before a route of the same path", async () => {
  const server = startClosure({
    observe: { metrics: "/metrics" },
    routes: { "/metrics": new Response("mine"), "/static": new Response("static") },
    fetch: () => new Response("other"),
  });
  expect(await (await fetch(`${server.url}static`)).text()).toBe("static");
  expect(metric(await scrape(server), 'epollo_responses_total{status="200"}')).toBe(1);
});
