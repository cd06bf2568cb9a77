/**
 * What to ask a server for, and the Lua script that makes wrk do it. Pure: text out.
 *
 * The script prints, when the run is over, one line "RESULT {json}" and, where wrk may have added latencies that nobody
 * measured, one line "LATENCY <us> <count>" for each value. Reading the values costs wrk their number times their
 * range; beyond MAX_SCAN (half a minute) it is left, and the percentiles are wrk's own.
 */

const MAX_SCAN = 4e10;

/** What to ask for, and how hard. */
export interface Load {
  readonly path: string;
  readonly connections: number;
  /** A whole number: wrk takes no other. */
  readonly seconds: number;
  readonly method?: string;
  /** Length of the request's body; none when absent. */
  readonly bodyBytes?: number;
  /** Requests that are sent at once on a connection; 1 when absent. */
  readonly pipeline?: number;
  /** Whether each request has a connection of its own. */
  readonly closes?: boolean;
  /** Every so many requests one goes to `slowPath`. */
  readonly slowEvery?: number;
  readonly slowPath?: string;
  /** Threads of wrk; 1 when absent, never more than connections. */
  readonly threads?: number;
}

/** The Lua script for a load. */
export function wrkScript(load: Load): string {
  const lines = [`wrk.method = "${load.method ?? "GET"}"`];
  if (load.bodyBytes !== undefined) {
    lines.push(`wrk.body = string.rep("b", ${load.bodyBytes})`);
    lines.push('wrk.headers["Content-Type"] = "application/octet-stream"');
  }
  if (load.closes === true) lines.push('wrk.headers["Connection"] = "close"');
  if (load.pipeline !== undefined) {
    lines.push(
      "local batch",
      `init = function() batch = string.rep(wrk.format(), ${load.pipeline}) end`,
      "request = function() return batch end",
    );
  }
  if (load.slowEvery !== undefined) {
    lines.push(
      "local quick, slow, counter = nil, nil, 0",
      `init = function() quick, slow = wrk.format(), wrk.format(nil, "${load.slowPath}") end`,
      "request = function()",
      "  counter = counter + 1",
      `  if counter % ${load.slowEvery} == 0 then return slow end`,
      "  return quick",
      "end",
    );
  }
  lines.push(
    "done = function(summary, latency)",
    "  local began, e = os.clock(), summary.errors",
    `  local perConnection = math.floor(summary.requests / ${load.connections})`,
    "  local interval = perConnection > 0 and math.floor(summary.duration / perConnection) or 0",
    "  local p50, p99, p999 = latency:percentile(50), latency:percentile(99), latency:percentile(99.9)",
    "  local count, isWhole = #latency, false",
    // Where nothing was slow enough to be corrected, the percentiles are right as they are.
    `  local wanted = interval > 0 and (latency.max >= 2 * interval or ${load.slowEvery !== undefined})`,
    `  if wanted and count * (latency.max - latency.min) < ${MAX_SCAN} then`,
    "    isWhole = true",
    "    local lines = {}",
    "    for index = 1, count do",
    "      local value, times = latency(index)",
    '      lines[index] = string.format("LATENCY %d %d\\n", value, times)',
    "    end",
    "    io.write(table.concat(lines))",
    "  end",
    '  io.write(string.format(\'RESULT {"requests":%d,"durationUs":%d,"intervalUs":%d,"p50Us":%d,"p99Us":%d,\' ..',
    '    \'"p999Us":%d,"maxUs":%d,"errors":%d,"readErrors":%d,"areLatenciesCorrected":%s,"hasLatencies":%s,"readingUs":%d}\\n\',',
    "    summary.requests, summary.duration, interval, p50, p99, p999, latency.max,",
    "    e.connect + e.write + e.status + e.timeout, e.read,",
    "    tostring(wanted and not isWhole), tostring(isWhole), (os.clock() - began) * 1e6))",
    "end",
  );
  return lines.join("\n") + "\n";
}
