/**
 * Benchmark peer: nginx, one worker process for each core, `return 200` for the small answers and static files for the
 * large ones. This program writes the configuration into a folder of its own, starts nginx in the foreground and
 * ends it when standard input ends. Its own CPU is nothing; its memory is not nginx's, so nginx is no peer in memory and start.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { port as wanted } from "./announce.ts";

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const port = listener.port;
  listener.stop(true);
  return port;
}

const port = wanted === 0 ? freePort() : wanted;
const folder = mkdtempSync(join(tmpdir(), "epollo-nginx-"));
const files = { "1k": 1024, "100k": 102_400, "10m": 10_485_760 };
for (const [name, length] of Object.entries(files)) writeFileSync(join(folder, name), "b".repeat(length));
// Under root nginx's workers would be another user's, who may not read a folder that mkdtemp made.
const user = process.getuid?.() === 0 ? "user root;" : "";
writeFileSync(
  join(folder, "nginx.conf"),
  `${user} daemon off; worker_processes auto; worker_rlimit_nofile 20000; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 16384; }
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout 3600; keepalive_requests 1000000000;
  open_file_cache max=16; server_tokens off; default_type "text/plain;charset=utf-8";
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder};
  scgi_temp_path ${folder};
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = / { return 200 "Hello, World!"; }
    location = /static { return 200 "Hello, World!"; }
    location = /json { default_type "application/json;charset=utf-8";
      return 200 '{"message":"Hello, World!","id":42,"tags":["a","b"]}'; }
    location /bytes/ { alias ${folder}/; }
  }
}
`,
);
const nginx = Bun.spawn(["nginx", "-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
  stdin: "ignore",
  stdout: "ignore",
  stderr: "inherit",
});
nginx.exited.then((code) => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(code ?? 1);
});
for (;;) {
  const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
    (response) => response.ok,
    () => false,
  );
  if (isUp) break;
  await Bun.sleep(10);
}
console.log(JSON.stringify({ port }));
process.stdin.resume();
process.stdin.on("end", () => nginx.kill("SIGTERM"));
