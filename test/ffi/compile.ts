/** Runs a small C program that prints what the headers of this machine say. For tests that compare our numbers with them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether a C compiler is there; tests that need one are skipped otherwise, and their names say so. */
export const hasCompiler: boolean = Bun.which("cc") !== null;

const HEADERS = [
  "sys/resource.h",
  "sys/epoll.h",
  "sys/mman.h",
  "sys/eventfd.h",
  "sys/socket.h",
  "sys/stat.h",
  "sys/syscall.h",
  "sys/uio.h",
  "sys/un.h",
  "netinet/in.h",
  "netinet/tcp.h",
  "netdb.h",
  "fcntl.h",
  "linux/filter.h",
  "linux/openat2.h",
  "errno.h",
  "stddef.h",
  "stdio.h",
];

/** Evaluates C integer expressions; gives their values by expression. */
export function evaluateC(expressions: string[]): Map<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "epollo-layout-"));
  try {
    const includes = HEADERS.map((header) => `#include <${header}>`).join("\n");
    const prints = expressions.map((text) => `  printf("%lld\\n", (long long)(${text}));`).join("\n");
    writeFileSync(
      join(folder, "probe.c"),
      `#define _GNU_SOURCE\n${includes}\nint main(void) {\n${prints}\n  return 0;\n}\n`,
    );
    const compiled = Bun.spawnSync(["cc", "-o", join(folder, "probe"), join(folder, "probe.c")]);
    if (!compiled.success) throw new Error(compiled.stderr.toString());
    const lines = Bun.spawnSync([join(folder, "probe")])
      .stdout.toString()
      .trim()
      .split("\n");
    return new Map(expressions.map((text, index) => [text, Number(lines[index])]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
