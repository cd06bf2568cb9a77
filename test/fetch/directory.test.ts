import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DirectorySource,
  type FoundFile,
  findInDirectory,
  relativePathOf,
  typeOfName,
} from "../../src/fetch/directory.ts";
import { answerFile } from "../../src/fetch/file-answer.ts";
import { METHODS } from "../../src/http/method.ts";
import { NO_CONDITIONS } from "../../src/http/precondition.ts";
import { closeFile, isMissing, openBeneath, openRoot } from "../../src/net/file.ts";
import { openIn } from "../support/process-info.ts";
import { RawClient } from "../support/raw-client.ts";

const base = mkdtempSync(join(tmpdir(), "epollo-directory-"));
const root = join(base, "root");
for (const folder of ["sub", "bare", "s p", "odd/index.html"])
  mkdirSync(join(root, folder), { recursive: true });
const put = (path: string | Buffer, content: string) => {
  writeFileSync(path, content);
  utimesSync(path, 1_700_000_000.75, 1_700_000_000.75);
};
for (const name of [
  "a.css",
  ".dot",
  ".css",
  "x..y",
  "...",
  "sp ace.txt",
  "é.txt",
  "p%41.txt",
  "A.HTML",
  "t.tar.gz",
])
  put(join(root, name), name);
for (const name of ["sub/index.html", "sub/x.html", "s p/index.html"]) put(join(root, name), name);
for (let byte = 1; byte < 256; byte++) {
  const name = Buffer.from([byte]);
  if (byte !== 0x2f)
    put(Buffer.concat([Buffer.from(`${root}/c`), name, Buffer.from("d.txt")]), `byte ${byte}`);
}
put(join(base, "secret.txt"), "secret");
const LINKS = {
  "rel.css": "a.css",
  "updown.css": "sub/../a.css",
  folder: "sub",
  "abs.css": join(root, "a.css"),
  "escape.txt": "../secret.txt",
  "back.css": "../root/a.css",
  out: "..",
  circle: "circle",
  dangling: "missing",
};
for (const [name, target] of Object.entries(LINKS)) symlinkSync(target, join(root, name));
Bun.spawnSync(["mkfifo", join(root, "pipe")]);

const rootFd = openRoot(root);
const source: DirectorySource = {
  open: (path) => openBeneath(rootFd, path),
  close: closeFile,
  isMissing,
};
afterAll(() => {
  closeFile(rootFd);
  rmSync(base, { recursive: true });
});

const PATHS = [
  ...[
    "",
    "sub",
    "sub/",
    "bare",
    "bare/",
    "odd",
    "odd/",
    "s%20p",
    "s%20p/",
    "folder",
    "folder/",
    "folder/x.html",
  ],
  ...[
    "a.css",
    "a.css/",
    "a.css/x",
    "none",
    "none/",
    "sub/index.html",
    "sub/index.html/",
    ".dot",
    ".css",
    "A.HTML",
  ],
  ...[
    "x..y",
    "...",
    "sp%20ace.txt",
    "%C3%A9.txt",
    "%c3%a9.txt",
    "\u00c3\u00a9.txt",
    "p%2541.txt",
    "p%41.txt",
  ],
  ...["%61.css", "a%2ecss", "a%2Ecss", "s%70%20ace.txt", "sub%2Findex.html", "sub%2findex.html", "t.tar.gz"],
  ...[
    "sub//index.html",
    "/a.css",
    "sub//",
    "./a.css",
    "%2e/a.css",
    "sub/../a.css",
    "sub/%2e%2e/a.css",
    "sub/.",
  ],
  ...[
    "../secret.txt",
    "%2e%2e/secret.txt",
    "..%2fsecret.txt",
    "%2e%2e%2fsecret.txt",
    "..",
    ".",
    "sub/..",
    "../",
  ],
  ...[
    "..\\secret.txt",
    "..%5csecret.txt",
    ".%2e/secret.txt",
    "%252e%252e/secret.txt",
    "sub/../../secret.txt",
  ],
  ...["a.css%00", "%00", "a.css%00.txt", "a%", "a%2", "a%zz", "%", "%20", "a.css%20", "a:b", "-_~"],
  ...["rel.css", "updown.css", "abs.css", "escape.txt", "back.css", "out/secret.txt", "circle", "dangling"],
  ...["pipe", "pipe/", "x".repeat(300), "x/".repeat(2100), "PUB/a.css", "a.css;x", "a.css,"],
];
for (let byte = 1; byte < 256; byte++) {
  // What may not stand in a target at all is no matter of directories: controls, space, `?`.
  if (byte > 0x20 && byte !== 0x7f && byte !== 0x3f) PATHS.push(`c${String.fromCharCode(byte)}d.txt`);
  PATHS.push(`c%${byte.toString(16).padStart(2, "0")}d.txt`);
}

/** What epollo would answer: status, fields without Date, file name. */
function answerOf(target: string, mount: string): Record<string, unknown> {
  const [path] = target.split("?");
  const result = findInDirectory(path!, target.slice(path!.length), mount.length, source);
  if (result.kind === "missing") return { status: 404, headers: { "content-length": "0" } };
  if (result.kind === "redirect")
    return { status: 301, headers: { location: result.location, "content-length": "0" } };
  if (result.kind === "failed") return { status: 500 };
  const { file, name } = result;
  closeFile(file.fd);
  const type = typeOfName(name);
  const answer = answerFile(
    { ...file, source: "directory", type, name, start: 0, end: file.size },
    null,
    200,
    { method: METHODS.indexOf("GET"), range: "", conditions: NO_CONDITIONS },
  );
  const headers: Record<string, string> = {
    "content-type": answer.type,
    "content-length": String(answer.contentLength),
  };
  for (const line of answer.fields.trimEnd().split("\r\n")) {
    const colon = line.indexOf(": ");
    headers[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return { status: answer.status, headers };
}

describe("what Bun.serve answers", () => {
  let server: ReturnType<typeof Bun.serve>;
  let client: RawClient;
  const statuses = new Map<number, number>();
  beforeAll(async () => {
    const routes = { "/pub/*": { dir: root }, "/deep/er/*": { dir: root } } as unknown as Record<
      string,
      Response
    >;
    server = Bun.serve({ port: 0, hostname: "127.0.0.1", routes });
    client = await RawClient.connect(server.port!);
  });
  afterAll(async () => {
    client.close();
    await server.stop(true);
  });

  async function compare(target: string, mount: string): Promise<void> {
    await client.send(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const { status, headers } = await client.readResponse();
    const { date: _, ...others } = headers;
    expect([target, answerOf(target, mount)]).toEqual([target, { status, headers: others }]);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }

  test("is the same for any path", async () => {
    for (const path of PATHS) await compare(`/pub/${path}`, "/pub/");
    expect([...statuses.keys()].sort()).toEqual([200, 301, 404]);
    expect(statuses.get(200)).toBeGreaterThan(200);
  });

  test("is the same with a query, and below another mount", async () => {
    for (const query of ["?", "?x=1", "?x=%2e%2e/&y=/../", "??"])
      for (const path of ["sub", "sub/", "a.css", "none", "s%20p"]) {
        await compare(`/pub/${path}${query}`, "/pub/");
        await compare(`/deep/er/${path}${query}`, "/deep/er/");
      }
  });
});

test("no descriptor is left open by what is not served", () => {
  // Of this folder only: what other tests of the process have left is closed when it pleases.
  const before = openIn(base);
  for (const path of PATHS) answerOf(`/pub/${path}`, "/pub/");
  expect(openIn(base)).toBe(before);
});

test("a link that leaves the directory is missing; Bun.serve takes the directory for the root of all paths", () => {
  expect(findInDirectory("/out", "", 1, source)).toEqual({ kind: "missing" });
});

test("a redirect never leads to another host", () => {
  for (const path of ["//evil.example", "//sub", "/\\evil.example", "/%5cevil.example", "/%2fsub"])
    expect(findInDirectory(path, "", 1, source)).toEqual({ kind: "missing" });
  expect(findInDirectory("/sub", "?x", 1, source)).toEqual({ kind: "redirect", location: "/sub/?x" });
});

test("a machine that cannot open is told apart from a missing file", () => {
  const opened: string[] = [];
  const failing: DirectorySource = {
    open: (path) => {
      opened.push(path);
      return -24;
    },
    close: () => {},
    isMissing: (result) => result === -2,
  };
  expect(findInDirectory("/pub/a/", "", 5, failing)).toEqual({ kind: "failed", error: -24 });
  expect(findInDirectory("/pub/../a", "", 5, failing)).toEqual({ kind: "missing" });
  expect(opened).toEqual(["a/index.html"]);
});

test("the file of an index is closed when it is none", () => {
  const closed: number[] = [];
  const directory: FoundFile = { fd: 77, size: 0, mtimeMs: 0, kind: "directory" };
  const odd: DirectorySource = {
    open: () => directory,
    close: (fd) => closed.push(fd),
    isMissing: () => true,
  };
  expect(findInDirectory("/pub/", "", 5, odd)).toEqual({ kind: "missing" });
  expect(findInDirectory("/pub/a", "", 5, odd)).toEqual({ kind: "redirect", location: "/pub/a/" });
  expect(closed).toEqual([77, 77]);
});

describe("paths", () => {
  const cases: [path: string, relative: string | null][] = [
    ["/", ""],
    ["/a/b", "a/b"],
    ["/a/", "a/"],
    ["/%c3%a9", "\u00c3\u00a9"],
    ["/%25%20", "% "],
    ["/a%20", "a "],
    ["/..a", "..a"],
    ["/a..", "a.."],
    ["/a/..", null],
    ["/\u0100", null],
    ["/a\0", null],
    ["/%2", null],
    ["/%", null],
    ["/%\u012a1", null],
  ];
  test.each(cases)("%p", (path, relative) => expect(relativePathOf(path, 1)).toBe(relative));
});

test("types are those of Bun.file, by the last extension", () => {
  for (const name of [
    "a.css",
    "a.tar.gz",
    ".css",
    "a.CSS",
    "a.",
    "none",
    "d.css/x",
    "d/x.html",
    "a.toString",
    "é.md",
  ])
    expect([name, typeOfName(name)]).toEqual([name, Bun.file(`/d/${name}`).type]);
  for (let i = 0; i < 1000; i++) typeOfName(`a.${i}`);
  expect(typeOfName("late.css")).toBe("text/css;charset=utf-8");
});
