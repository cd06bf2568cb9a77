/**
 * The live page: one HTML file with style and script in it, which draws what it polls from `live-stats.ts`.
 *
 * It asks for its own path with "/stats" behind it, once a second, and keeps two minutes. Runs in a browser, and loads nothing.
 */

/** Fields that keep a browser from loading anything else. */
export const LIVE_PAGE_FIELDS =
  "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:\r\n";

/** The page. */
export const LIVE_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>epollo</title>
<link rel="icon" href="data:,">
<style>
:root {
  color-scheme: light dark;
  --back: #f6f7f9; --card: #fff; --line: #e2e5ea; --text: #1c2330; --soft: #667085;
  --a: #2563eb; --b: #d9480f; --c: #2f9e44; --d: #9aa4b2; --bad: #c92a2a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #12151b; --card: #1b2029; --line: #2c333f; --text: #e6e9ef; --soft: #98a2b3;
    --a: #6ea8fe; --b: #ff9f5a; --c: #69db7c; --d: #5c6675; --bad: #ff8787;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 20px; max-width: 1240px; background: var(--back); color: var(--text);
  font: 14px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; margin-bottom: 14px; }
h1 { font-size: 20px; margin: 0; }
h2 { font-size: 14px; margin: 0; font-weight: 600; }
#state { color: var(--soft); }
#state.lost { color: var(--bad); font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 12px; margin-bottom: 12px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 360px), 1fr)); gap: 12px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; min-width: 0; }
.tile b { display: block; font-size: 22px; font-weight: 600; line-height: 1.2; white-space: nowrap; }
.tile span, .unit { color: var(--soft); font-weight: 400; font-size: 12px; }
.legend { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 12px; color: var(--soft); min-height: 18px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 5px; }
.legend b { color: var(--text); font-weight: 600; }
svg { display: block; width: 100%; height: 150px; margin-top: 6px; }
svg text { fill: var(--soft); font-size: 11px; }
table { border-collapse: collapse; width: 100%; margin-top: 8px; }
th, td { text-align: right; padding: 3px 0 3px 10px; border-top: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 400; color: var(--soft); font-size: 12px; border-top: 0; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.scroll { max-height: 260px; overflow: auto; }
</style>
</head>
<body>
<header><h1>epollo</h1><span id="state">connecting …</span></header>
<div class="tiles" id="tiles"></div>
<div class="charts" id="charts"></div>
<script>
"use strict";
var POINTS = 121, POLL_MS = 1000, LEAST_MS = 0.01;
var url = location.pathname + "/stats";
var points = [], before = null;
function byId(id) { return document.getElementById(id); }
function make(name, className, parent) {
  var element = document.createElement(name);
  if (className) element.className = className;
  parent.appendChild(element);
  return element;
}
function number(value) {
  if (value === null || !isFinite(value)) return "–";
  if (value >= 1e6) return (value / 1e6).toFixed(value >= 1e7 ? 0 : 1) + " M";
  if (value >= 1e4) return (value / 1e3).toFixed(value >= 1e5 ? 0 : 1) + " k";
  if (value >= 100 || value === Math.round(value)) return String(Math.round(value));
  if (value >= 1) return value.toFixed(1);
  return String(Number(value.toFixed(value >= 0.1 ? 2 : 3)));
}
function time(ms) {
  if (ms === null) return "–";
  return ms >= 1000 ? number(ms / 1000) + " s" : number(ms) + " ms";
}
function duration(seconds) {
  var d = Math.floor(seconds / 86400), h = Math.floor(seconds / 3600) % 24, m = Math.floor(seconds / 60) % 60;
  if (d > 0) return d + " d " + h + " h";
  if (h > 0) return h + " h " + m + " min";
  if (m > 0) return m + " min";
  return Math.floor(seconds) + " s";
}
/* What came between two readings of a pair of histograms, as counts by bucket. */
function grown(now, last) {
  return now[0].counts.map(function (count, bucket) {
    var total = count + now[1].counts[bucket];
    return last ? total - last[0].counts[bucket] - last[1].counts[bucket] : total;
  });
}
function quantile(counts, bounds, part) {
  var all = counts.reduce(function (sum, count) { return sum + count; }, 0);
  if (all <= 0) return null;
  var left = all * part;
  for (var bucket = 0; bucket < counts.length; bucket++) {
    if (left <= counts[bucket] && counts[bucket] > 0) {
      var low = bucket === 0 ? 0 : bounds[bucket - 1];
      var high = bucket < bounds.length ? bounds[bucket] : low;
      return low + (high - low) * left / counts[bucket];
    }
    left -= counts[bucket];
  }
  return bounds[bounds.length - 1];
}
var TILES = [
  ["Requests", function (p) { return number(p.rate); }, "a second"],
  ["Errors", function (p) { return number(p.errors); }, "5xx a second"],
  ["In flight", function (p) { return number(p.inFlight); }, "requests"],
  ["Waiting", function (p) { return number(p.backlog); }, "requests"],
  ["Connections", function (p) { return number(p.connections); }, "open"],
  ["Threads", function (p) { return p.busy + " of " + (p.busy + p.idle + p.moving); }, "handlers, busy"],
  ["Queue wait", function (p) { return time(p.wait99); }, "99 % below"],
  ["Run time", function (p) { return time(p.run99); }, "99 % below"]
];
var CHARTS = [
  { title: "Requests", unit: "a second", shows: number, series: [["all", "a", "rate"], ["on dispatch threads", "b", "inline"]] },
  { title: "Queue wait", unit: "until the handler starts", shows: time, isLog: true, series: [["50 %", "a", "wait50"], ["99 %", "b", "wait99"]] },
  { title: "Run time", unit: "handler, to the end of the answer", shows: time, isLog: true, series: [["50 %", "a", "run50"], ["99 %", "b", "run99"]] },
  { title: "Handler threads", unit: "by state", shows: number, stacked: true,
    series: [["busy", "b", "busy"], ["idle", "d", "idle"], ["starting or stopping", "a", "moving"]] },
  { title: "Requests at hand", unit: "now", shows: number, series: [["in flight", "a", "inFlight"], ["waiting", "b", "backlog"]] },
  { title: "Kinds of requests", unit: "moved, since the start", shows: number,
    series: [["to dispatch threads", "a", "promotions"], ["back to handler threads", "b", "demotions"]] },
  { title: "Traffic", unit: "bytes a second", shows: number, series: [["sent", "a", "sent"], ["received", "b", "received"]] }
];
TILES.forEach(function (tile) {
  var card = make("div", "card tile", byId("tiles"));
  var name = make("h2", "", card);
  name.textContent = tile[0];
  tile.value = make("b", "", card);
  tile.value.textContent = "–";
  make("span", "unit", card).textContent = tile[2];
});
CHARTS.forEach(function (chart) {
  var card = make("div", "card", byId("charts"));
  var name = make("h2", "", card);
  name.textContent = chart.title + " ";
  make("span", "unit", name).textContent = chart.unit;
  var legend = make("div", "legend", card);
  chart.values = chart.series.map(function (series) {
    var item = make("span", "", legend);
    make("i", "", item).style.background = "var(--" + series[1] + ")";
    item.appendChild(document.createTextNode(series[0] + " "));
    return make("b", "", item);
  });
  chart.box = make("div", "", card);
});
var tables = [["Handler threads", "now"], ["Dispatchers", "now"], ["Answers", "by status"]].map(function (title) {
  var card = make("div", "card", byId("charts"));
  var name = make("h2", "", card);
  name.textContent = title[0] + " ";
  make("span", "unit", name).textContent = title[1];
  return make("div", "scroll", card);
});
function ceiling(value) {
  if (!(value > 0)) return 1;
  var step = Math.pow(10, Math.floor(Math.log10(value)));
  var found = [1, 2, 2.5, 5, 10].find(function (factor) { return factor * step >= value; });
  return found * step;
}
function draw(chart) {
  var width = Math.max(240, chart.box.clientWidth), height = 150, left = 56, bottom = 18, top = 8;
  var base = points.map(function () { return 0; });
  var lines = chart.series.map(function (series) {
    return points.map(function (point, i) {
      var value = point[series[2]];
      if (value === null || !chart.stacked) return value;
      return base[i] += value;
    });
  });
  var most = 0;
  lines.forEach(function (line) { line.forEach(function (value) { if (value > most) most = value; }); });
  var max = chart.isLog ? Math.pow(10, Math.max(0, Math.ceil(Math.log10(most || 1)))) : ceiling(most);
  var x = function (i) { return left + (width - left - 4) * (POINTS - points.length + i) / (POINTS - 1); };
  var part = function (value) {
    return chart.isLog ? Math.max(0, Math.log10(value / LEAST_MS) / Math.log10(max / LEAST_MS)) : value / max;
  };
  var y = function (value) { return top + (height - top - bottom) * (1 - part(value)); };
  var text = "", grid = [0, max / 2, max];
  if (chart.isLog) for (grid = []; grid.length === 0 || grid[0] > LEAST_MS * 1.5; ) grid.unshift(grid.length === 0 ? max : grid[0] / 10);
  grid.forEach(function (value) {
    var at = y(value);
    text += '<line x1="' + left + '" x2="' + width + '" y1="' + at + '" y2="' + at + '" stroke="var(--line)"/>' +
      '<text x="' + (left - 6) + '" y="' + (at + 4) + '" text-anchor="end">' + (value === 0 ? "0" : chart.shows(value)) + "</text>";
  });
  text += '<text x="' + left + '" y="' + (height - 3) + '">2 min ago</text>' +
    '<text x="' + (width - 4) + '" y="' + (height - 3) + '" text-anchor="end">now</text>';
  for (var s = lines.length - 1; s >= 0; s--) {
    var path = "", isOpen = false, first = 0, color = "var(--" + chart.series[s][1] + ")";
    var area = "";
    lines[s].forEach(function (value, i) {
      if (value === null) { isOpen = false; return; }
      if (!isOpen) first = i;
      path += (isOpen ? "L" : "M") + x(i).toFixed(1) + " " + y(value).toFixed(1);
      if (!isOpen && (i === lines[s].length - 1 || lines[s][i + 1] === null)) path += "h0.1";
      isOpen = true;
    });
    if (chart.stacked && path !== "") {
      area = '<path d="' + path + "L" + x(points.length - 1) + " " + y(0) + "L" + x(first) + " " + y(0) + 'Z" fill="' + color + '"/>';
    } else {
      area = '<path d="' + path + '" fill="none" stroke="' + color + '" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round"/>';
    }
    text += area;
  }
  chart.box.innerHTML = '<svg viewBox="0 0 ' + width + " " + height + '" role="img" aria-label="' + chart.title + '">' + text + "</svg>";
  var last = points[points.length - 1];
  chart.series.forEach(function (series, i) { chart.values[i].textContent = last ? chart.shows(last[series[2]]) : "–"; });
}
function fill(target, heads, rows) {
  var scrolled = target.scrollTop;
  target.textContent = "";
  var table = make("table", "", target), row = make("tr", "", table);
  heads.forEach(function (head) { make("th", "", row).textContent = head; });
  rows.forEach(function (cells) {
    row = make("tr", "", table);
    cells.forEach(function (cell) { make("td", "", row).textContent = cell; });
  });
  target.scrollTop = scrolled;
}
function take(now) {
  var stats = now.stats, last = before;
  before = now;
  if (last === null || last.startedAtMs !== now.startedAtMs) { points = []; return; }
  var seconds = Math.max(0.001, (now.time - last.time) / 1000);
  var rate = function (name) { return (stats[name] - last.stats[name]) / seconds; };
  var states = { starting: 0, running: 0, stopping: 0 }, busy = 0;
  stats.handlers.forEach(function (handler) {
    states[handler.state]++;
    if (handler.state === "running" && handler.inFlight > 0) busy++;
  });
  var wait = grown(now.wait, last.wait), run = grown(now.run, last.run), errors = 0;
  Object.keys(now.statuses).forEach(function (status) {
    if (status >= 500) errors += now.statuses[status] - (last.statuses[status] || 0);
  });
  points.push({
    rate: rate("requests"), inline: rate("requestsInline"), sent: rate("bytesSent"), received: rate("bytesReceived"),
    promotions: stats.promotions, demotions: stats.demotions,
    errors: errors / seconds, inFlight: stats.inFlight, backlog: stats.backlog, connections: stats.connections,
    wait50: quantile(wait, now.boundsMs, 0.5), wait99: quantile(wait, now.boundsMs, 0.99),
    run50: quantile(run, now.boundsMs, 0.5), run99: quantile(run, now.boundsMs, 0.99),
    busy: busy, idle: states.running - busy, moving: states.starting + states.stopping
  });
  if (points.length > POINTS) points.shift();
  var olds = {};
  last.stats.handlers.forEach(function (handler) { olds[handler.slot] = handler; });
  fill(tables[0], ["thread", "state", "in flight", "requests", "busy"], stats.handlers.map(function (handler) {
    var old = olds[handler.slot];
    var part = old ? Math.min(1, Math.max(0, (handler.busyMs - old.busyMs) / 1000 / seconds)) : 0;
    return [handler.slot, handler.state, number(handler.inFlight), number(handler.requests), Math.round(part * 100) + " %"];
  }));
  fill(tables[1], ["dispatcher", "connections", "in flight", "waiting", "requests/s"], stats.dispatchers.map(function (one, i) {
    var old = last.stats.dispatchers[i];
    return [i, number(one.connections), number(one.inFlight), number(one.backlog), number((one.requests - old.requests) / seconds)];
  }));
  fill(tables[2], ["status", "answers", "a second"], Object.keys(now.statuses).map(function (status) {
    var count = now.statuses[status];
    return [status, number(count), number((count - (last.statuses[status] || 0)) / seconds)];
  }));
  var threads = stats.dispatchers.length + (stats.dispatchers.length === 1 ? " dispatcher" : " dispatchers");
  say("up " + duration((now.time - now.startedAtMs) / 1000) + " · " + threads + " · " + stats.threads.spawned +
    " handler threads started, " + stats.threads.retired + " retired", false);
}
function say(text, isLost) {
  byId("state").textContent = text;
  byId("state").className = isLost ? "lost" : "";
}
function show() {
  var last = points[points.length - 1];
  TILES.forEach(function (tile) { tile.value.textContent = last ? tile[1](last) : "–"; });
  CHARTS.forEach(draw);
}
function poll() {
  fetch(url, { cache: "no-store" })
    .then(function (response) {
      if (!response.ok) throw new Error("status " + response.status);
      return response.json();
    })
    .then(take)
    .catch(function () { before = null; say("no answer from the server", true); })
    .then(function () { show(); setTimeout(poll, POLL_MS); });
}
addEventListener("resize", show);
show();
poll();
</script>
</body>
</html>
`;
