/** What takes a Request in Bun, given that of a handler. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeRequest } from "../../src/fetch/make-request.ts";
import { installRequestTakers } from "../../src/fetch/request-takers.ts";
import { makeExchange } from "./recorder.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-pages-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "[id].tsx"), "");
installRequestTakers();
installRequestTakers();

test("the file system router finds the page of a request as of any other", () => {
  const router = new Bun.FileSystemRouter({ dir: folder, style: "nextjs" });
  const shown = (input: unknown): unknown => {
    const found = router.match(input as Request);
    return found && [found.name, found.params, found.query, found.pathname, found.filePath];
  };
  const wanted = shown(new Request("http://a.example/seven?x=1"));
  expect(wanted).toEqual([
    "/[id]",
    { id: "seven" },
    { id: "seven", x: "1" },
    "/seven?x=1",
    join(folder, "[id].tsx"),
  ]);
  for (const method of ["GET", "HEAD", "POST"]) {
    const { exchange, view } = makeExchange(`${method} /seven?x=1 HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    expect([method, shown(makeRequest(exchange, view))]).toEqual([method, wanted]);
  }
  expect(shown("http://a.example/seven?x=1")).toEqual(wanted);
  expect(router.match("/a/b")).toBeNull();
  for (const wrong of [5, {}, undefined])
    expect(() => shown(wrong)).toThrow("Expected string, Request or Response");
  expect([router.match.name, router.match.length]).toEqual(["match", 1]);
});
