/** Routes (BUN-SERVE.md section 11): who answers what, on which thread, and what a directory never gives away. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, requestBytes } from "../support/exchange.ts";
import { notesOf, uniqueMark } from "../support/journal.ts";
import { eventually } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";
import { MODES, type Mode, type RunningServer, startInChild, stopAll } from "../support/servers.ts";
import { isBunTarget } from "../support/target.ts";

const folder = mkdtempSync(join(tmpdir(), "epollo-routes-"));
const put = (name: string, text: string): void => {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), text);
};
put("secret.txt", "SECRET");
put("out/secret.txt", "SECRET");
put("one.txt", "one file");
put("pub/a.txt", "text a");
put("pub/sp ace.txt", "space");
put("pub/index.html", "root index");
put("pub/sub/index.html", "sub index");
put("pub/bare/b.txt", "text b");
symlinkSync("../secret.txt", join(folder, "pub/link-out.txt"));
symlinkSync(join(folder, "secret.txt"), join(folder, "pub/link-absolute.txt"));
symlinkSync("../out", join(folder, "pub/folder-out"));
symlinkSync("/", join(folder, "pub/root"));
symlinkSync("sub/index.html", join(folder, "pub/link-in.html"));

const start = (mode: Mode, options: Record<string, unknown> = {}) =>
  startInChild(mode, {
    entry: "features-entry.ts",
    environment: { EPOLLO_TEST_FOLDER: folder },
    threads: { min: 1, max: 1 },
    ...options,
  });

afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
});

test("module: the routes of the module answer", async () => {
  await using server = await start("module");
  expect((await exchange(server.port, "/static")).text).toBe("static body");
  expect((await exchange(server.port, "/user/7")).text).toBe('{"id":"7"}');
  expect((await exchange(server.port, "/pub/a.txt")).text).toBe("text a");
});

describe.each(MODES)("%s", (mode) => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await start(mode);
  });
  const get = (target: string, fields: string[] = [], method = "GET") =>
    exchange(server.port, target, { method, fields });

  // In module mode the dispatcher cannot have the routes: the thread that runs the module finds them.
  test.skipIf(isBunTarget || (mode as Mode) === "module")(
    "static Responses, files and directories are answered while the only handler thread is blocked",
    async () => {
      const mark = uniqueMark();
      const blocked = exchange(server.port, `/block/${mark}`);
      await eventually(
        "the handler to block",
        () => notesOf(`blocking ${mark}`).length,
        (count) => count === 1,
      );
      const first = await get("/static");
      const { etag } = first.headers;
      const answers = [
        await get("/static", [`If-None-Match: ${etag}`]),
        await get("/static", ['If-Match: "other"']),
        await get("/static-large"),
        await get("/one-file"),
        await get("/pub/a.txt"),
        await get("/pub/none.txt"),
      ];
      expect(notesOf(`unblocked ${mark}`)).toEqual([]);
      expect([first.status, first.text, first.headers["x-static"]]).toEqual([200, "static body", "yes"]);
      expect(answers.map(({ status }) => status)).toEqual([304, 412, 200, 200, 200, 404]);
      expect(answers.map(({ body }) => body.length)).toEqual([0, 0, 300_000, 8, 6, 0]);
      expect(answers[0]!.headers.etag).toBe(etag);
      expect((await blocked).text).toBe("unblocked");
    },
  );

  test("a static Response has its tag, which If-None-Match and If-Match compare with", async () => {
    const { headers } = await get("/static");
    expect(headers.etag).toMatch(/^"[^"]+"$/);
    expect(headers["content-length"]).toBe("11");
    const conditions: [field: string, status: number][] = [
      [`If-None-Match: "x", ${headers.etag}`, 304],
      [`If-None-Match: W/${headers.etag}`, 304],
      ["If-None-Match: *", 304],
      ['If-None-Match: "x"', 200],
      [`If-Match: ${headers.etag}`, 200],
      ['If-Match: "x"', 412],
    ];
    for (const [field, status] of conditions) expect((await get("/static", [field])).status).toBe(status);
    const head = await get("/static", [], "HEAD");
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([200, "11", 0]);
  });

  test("answers of the dispatcher and of handlers keep their order on one connection", async () => {
    await using client = await RawClient.connect(server.port);
    const targets = ["/cookies", "/static", "/methods", "/static-large", "/pub/a.txt", "/cookies", "/static"];
    await client.send(Buffer.concat(targets.map((target) => requestBytes(target))));
    const lengths: number[] = [];
    for (const _ of targets) lengths.push((await client.readResponse()).body.length);
    expect(lengths).toEqual([0, 11, 7, 300_000, 6, 0, 11]);
  });

  test("a body that a static route does not read is passed over", async () => {
    await using client = await RawClient.connect(server.port);
    const upload = requestBytes("/static", { method: "POST", body: "u".repeat(200_000) });
    await client.send(Buffer.concat([upload, requestBytes("/methods")]));
    expect((await client.readResponse()).text).toBe("static body");
    expect((await client.readResponse()).text).toBe("one GET");
  });

  test("params are decoded, literals win over them", async () => {
    expect((await get("/user/a%20b%C3%A9")).text).toBe(JSON.stringify({ id: "a bé" }));
    expect((await get("/pair/1/of/2?b=3")).text).toBe(JSON.stringify({ a: "1", b: "2" }));
    expect((await get("/user/me")).text).toBe("me GET");
    expect((await get("/user/")).text).toBe("fetch GET");
  });

  test("cookies that are set, before and after an await, go out; untouched ones do not", async () => {
    const changed = await get("/cookies", ["Cookie: given=yes; old=1"]);
    expect(changed.text).toBe("yes");
    expect(changed.cookies.map((line) => line.split(";")[0]!)).toEqual(["before=1", "after=2", "old="]);
    expect(changed.cookies[1]).toContain("HttpOnly");
    const untouched = await get("/cookies-untouched", ["Cookie: given=yes"]);
    expect([untouched.text, untouched.cookies.length]).toEqual(["yes", 0]);
  });

  const METHODS: readonly [method: string, target: string, text: string][] = [
    ["GET", "/methods", "one GET"],
    ["POST", "/methods", "two POST"],
    ["PUT", "/methods", "fetch PUT"],
    ["GET", "/methods/x", "below GET"],
    ["PUT", "/covered/put", "put PUT"],
    ["GET", "/covered/put", "covered GET"],
    ["GET", "/only-put", "fetch GET"],
    ["PUT", "/only-put", "put PUT"],
    ["GET", "/covered/on", "covered GET"],
    ["GET", "/covered/off", "fetch GET"],
    ["GET", "/gone-file", "fetch GET"],
    ["GET", "/nowhere", "fetch GET"],
  ];
  test.each(METHODS)("%s %s is for %p", async (method, target, text) => {
    expect((await get(target, [], method)).text).toBe(text);
  });

  test("HEAD goes where GET goes", async () => {
    const answer = await get("/methods", [], "HEAD");
    expect([answer.status, answer.headers["content-length"]]).toEqual([200, "8"]);
  });

  test("without fetch, what has no route is 404", async () => {
    await using other = await start(mode, { routesOnly: true });
    for (const target of ["/nowhere", "/only-put", "/covered/off", "/gone-file"]) {
      expect([target, (await exchange(other.port, target)).status]).toEqual([target, 404]);
    }
    expect((await exchange(other.port, "/methods")).text).toBe("one GET");
  });

  test("a directory gives its files, indexes, and sends to the slash", async () => {
    expect((await get("/pub/a.txt")).text).toBe("text a");
    expect((await get("/pub/sp%20ace.txt")).text).toBe("space");
    expect((await get("/pub/")).text).toBe("root index");
    expect((await get("/pub/sub/")).text).toBe("sub index");
    expect((await get("/pub/link-in.html")).text).toBe("sub index");
    const redirect = await get("/pub/sub?q=1");
    expect([redirect.status, redirect.headers.location]).toEqual([301, "/pub/sub/?q=1"]);
    expect((await get("/pub/bare/")).status).toBe(404);
    const file = await get("/pub/a.txt");
    expect(file.headers["content-type"]).toBe("text/plain;charset=utf-8");
    expect((await get("/pub/a.txt", [`If-None-Match: ${file.headers.etag}`])).status).toBe(304);
    const part = await get("/pub/a.txt", ["Range: bytes=5-"]);
    expect([part.status, part.text, part.headers["content-range"]]).toEqual([206, "a", "bytes 5-5/6"]);
  });

  const ATTEMPTS: readonly string[] = [
    "../secret.txt",
    "..%2fsecret.txt",
    "..%2Fsecret.txt",
    "%2e%2e/secret.txt",
    "%2E%2e%2fsecret.txt",
    ".%2e/secret.txt",
    "%2e./secret.txt",
    "%252e%252e/secret.txt",
    "..%252fsecret.txt",
    "..%5csecret.txt",
    "..\\secret.txt",
    "..;/secret.txt",
    "..%00/secret.txt",
    "a.txt%00",
    "%c0%ae%c0%ae/secret.txt",
    "%c0%ae%c0%ae%c0%afsecret.txt",
    "%u002e%u002e/secret.txt",
    "sub/../../secret.txt",
    "sub/..%2f..%2fsecret.txt",
    "sub/%2e%2e/%2e%2e/secret.txt",
    "./../secret.txt",
    ".//../secret.txt",
    "/secret.txt",
    `${folder}/secret.txt`,
    `%2f${folder.slice(1)}/secret.txt`,
    "link-out.txt",
    "link-absolute.txt",
    "folder-out/secret.txt",
    "root/etc/passwd",
    `root${folder}/secret.txt`,
  ];
  // What Bun.serve takes from these is another matter.
  test.skipIf(isBunTarget).each([...ATTEMPTS])("nothing is given for /pub/%s", async (attempt) => {
    await using client = await RawClient.connect(server.port);
    await client.send(requestBytes(`/pub/${attempt}`));
    const answer = await client.readResponse();
    expect(answer.status === 404 || answer.status === 400).toBe(true);
    expect(answer.text).not.toContain("SECRET");
    expect(answer.text).not.toContain("fetch");
  });
});
