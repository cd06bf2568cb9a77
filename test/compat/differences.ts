/**
 * The known differences between Bun.serve and epollo, by case: why, and at which leaves of the observation epollo shows
 * what instead. Each has a line in docs/compatibility.md that names the case (documentation.test.ts). An entry whose
 * difference does not occur any more fails.
 *
 * TO_MEND below holds what is no decision but a mistake of epollo, or is not built yet: such a case must fail, and
 * leaves the list when it does not fail any more.
 */
import { ABSENT, ANY, type Differences } from "./observation.ts";

/** A known difference. */
export interface Difference {
  readonly why: string;
  /** Epollo's values where they are not Bun.serve's. */
  readonly differs: Differences;
  /** The same for pool mode, where that is yet another. */
  readonly pool?: Differences;
}

const table: Record<string, Difference> = {};
function differ(why: string, differs: Differences, ids: string): void {
  for (const id of ids.split(" ")) table[id] = { why, differs };
}
/** Prefixes the paths of the answer with that number. */
function answer(index: number, members: Differences): Record<string, Differences[string]> {
  return Object.fromEntries(
    Object.entries(members).map(([path, value]) => [`answers.${index}.${path}`, value]),
  );
}
const DATE = { "headers.date": "<date>" };
/** An answer where Bun.serve has only the end of the connection. */
const instead = (index: number, members: Differences): Differences => ({
  [`answers.${index}`]: ABSENT,
  ...answer(index, members),
});
/** An answer of a handler where Bun.serve refuses. */
const served: Differences = {
  ...answer(0, { body: ANY, framing: "length", status: "200 OK", "headers.connection": ABSENT }),
  ...answer(0, { "headers.content-length": ANY, "headers.content-type": ANY, ...DATE }),
  connection: "open",
};
/** 400 where Bun.serve calls the handler. */
const refused: Differences = {
  ...answer(0, { body: "", framing: "close", status: "400 Bad Request", "headers.connection": "close" }),
  ...answer(0, { "headers.content-length": ABSENT, "headers.content-type": ABSENT, "headers.date": ABSENT }),
  connection: "closed",
};
const otherBody = answer(0, { body: ANY, "headers.content-length": ANY });
const text = "text/plain;charset=utf-8";
const typed = (type: string): Differences => answer(0, { "headers.content-type": type });

differ(
  "HEAD has the Date and the implied Content-Type of GET",
  answer(0, DATE),
  "method-HEAD http-1.0-head body-head head-empty head-json head-stream head-stream-sync head-cookies failing-head " +
    "handled-head route-HEAD/m/get route-HEAD/m/both route-HEAD/m/head route-HEAD/m/all route-HEAD/literal file-head " +
    "file-head-range file-head-slice file-head-archive file-head-large",
);
differ("CONNECT with a path is answered with 400", refused, "route-CONNECT/m/all");
differ("`Connection: close` of a static route closes", { connection: "closed" }, "static-close");
differ(
  "HEAD of a file that is missing is an error, as GET is",
  {
    ...answer(0, { status: "500 Internal Server Error", "headers.content-length": "21", ...DATE }),
    ...answer(0, { "headers.content-type": "text/plain" }),
  },
  "file-head-missing",
);
differ(
  "The stream of a file is a stream: no type, no Range",
  answer(0, { "headers.content-type": ABSENT }),
  "file-stream",
);
differ(
  "The stream of a file is a stream: no type, no Range",
  {
    ...answer(0, { status: "200 OK", body: "hello from a file\n", "headers.accept-ranges": ABSENT }),
    ...answer(0, {
      "headers.content-length": "18",
      "headers.content-range": ABSENT,
      "headers.content-type": ABSENT,
    }),
  },
  "file-range-stream",
);
differ(
  "A stream that ends right behind its first, late part is chunked",
  answer(0, { framing: "chunked", "headers.content-length": ABSENT, "headers.transfer-encoding": "chunked" }),
  "route-cookies-stream",
);
const HEAD_TYPE = "HEAD has the Date and the implied Content-Type of GET";
const typedHead = (type: string): Differences => answer(0, { ...DATE, "headers.content-type": type });
differ(
  HEAD_TYPE,
  typedHead(text),
  "pipeline-head-get head-string head-status-404 head-close file-route-head-missing",
);
differ(HEAD_TYPE, typedHead("application/octet-stream"), "head-bytes");
differ(HEAD_TYPE, typedHead("text/x-blob"), "head-blob");
differ(HEAD_TYPE, typed(text), "head-own-date");
differ(HEAD_TYPE, answer(0, { ...DATE, "headers.content-length": ANY }), "developing-head");

differ(
  "An unknown or lower-case method is answered with 501",
  instead(0, { status: "501 Not Implemented", body: "", framing: "close", "headers.connection": "close" }),
  "method-unknown method-lower-case method-mixed-case",
);
differ(
  "A malformed request line is answered with 400, not 505",
  answer(0, { status: "400 Bad Request" }),
  "version-none version-lower-case version-trailing-space version-garbage target-with-space target-with-tab line-bare-lf",
);
differ("`OPTIONS *` is served", served, "target-asterisk");
differ("One empty line before a request is skipped", served, "line-empty-first");
differ(
  "The preface of HTTP/2 is answered with 505",
  answer(0, { status: "505 HTTP Version Not Supported" }),
  "line-http2-preface",
);
differ(
  "An absolute target makes the url, scheme and host included",
  otherBody,
  "target-absolute-other-host target-absolute-https",
);
differ("The connection goes on after the answer to CONNECT", { connection: "open" }, "target-authority");
differ(
  "A Host that is no host, or two of them, is answered with 400",
  refused,
  "host-with-space host-with-path host-with-user host-two host-two-equal",
);
differ(
  "With an impossible port in Host the url is the target alone",
  otherBody,
  "host-port-garbage host-port-too-big",
);
differ(
  "A request line that is too long is answered with 414",
  answer(0, { status: "414 URI Too Long" }),
  "target-20000",
);
differ(
  "A request behind a pending one is served in its turn",
  {
    ...instead(0, { body: ANY, framing: "length", status: "200 OK", ...DATE }),
    ...answer(0, { "headers.content-length": ANY, "headers.content-type": ANY }),
    ...answer(1, { body: "unread", framing: "length", status: "200 OK", ...DATE }),
    ...answer(1, { "headers.content-length": "6", "headers.content-type": text }),
    connection: "open",
  },
  "pipeline-slow-fast",
);
differ(
  "A client that has closed its half of the connection is still answered",
  {
    ...instead(0, { body: ANY, framing: "length", status: "200 OK", ...DATE }),
    ...answer(0, { "headers.content-length": ANY, "headers.content-type": ANY }),
  },
  "half-close-slow",
);
differ(
  "A request whose client has closed its half is pending until it is answered, for 10 s at most",
  { 1: ANY },
  "abort-never-pending",
);
differ("A quoted chunk extension with a space is accepted", served, "chunked-extension-quoted");
differ("Trailers are accepted and dropped", { "answers.1": ABSENT }, "chunk-trailer");
differ(
  "`Expect: 100-continue` counts in any case",
  {
    ...answer(0, { body: "", framing: "none", status: "100 Continue", headers: "(empty)" }),
    ...answer(0, {
      "headers.content-length": ABSENT,
      "headers.content-type": ABSENT,
      "headers.date": ABSENT,
    }),
  },
  "expect-continue-case",
);
differ(
  "A body that is refused for its length is not asked for with 100 first",
  {
    ...answer(0, { framing: "close", headers: ABSENT, "headers.connection": "close" }),
    ...answer(0, { status: "413 Request Entity Too Large" }),
    "answers.1": "fin after: ",
    ...answer(1, { body: ABSENT, framing: ABSENT, "headers.connection": ABSENT, status: ABSENT }),
  },
  "limit-expect",
);
differ(
  "An unknown transfer coding is answered with 501",
  answer(0, { status: "501 Not Implemented" }),
  "coding-gzip-chunked",
);

differ("The Blob of a request has the type of the request", otherBody, "request-blob");
differ("The Blob of a request has the type of the request", typed("text/x"), "answer-echo-blob");
differ(
  "The error of a malformed form is that of `Response.formData()`",
  otherBody,
  "request-form-bad-multipart",
);
differ("A body can be read after the answer, if it had arrived", { 1: "after abc" }, "read-after");
differ(
  "A handler is called when a small body is complete; not at all if the client leaves before",
  { "": "(empty list)", 0: ABSENT, 1: ABSENT },
  "abort-small-body",
);

differ("A Blob of bytes without a type counts as text", typed(text), "answer-blob-bytes");
differ(
  "Bytes of a static Response that was made before epollo was loaded count as text",
  typed(text),
  "static-bytes static-head-bytes",
);
differ("Touching `response.body` does not change the implied type", typed(text), "answer-touched-body");
differ(
  "An empty Content-Type is replaced, not sent beside the implied one",
  typed(text),
  "answer-empty-type",
);
differ(
  "A request's body that is answered when it has arrived has its length",
  answer(0, { framing: "length", "headers.content-length": "6", "headers.transfer-encoding": ABSENT }),
  "answer-echo",
);
differ(
  "A stream that fails before its first part is cut after the head, not after the status line",
  {
    "answers.0": "reset after: HTTP/1.1 200 OK\r\nDate: <date>\r\nTransfer-Encoding: chunked\r\n\r\n",
    "answers.1": "then HTTP/1.1 200 OK\r\nDate: <date>\r\nTransfer-Encoding: chunked\r\n\r\n",
  },
  "failing-stream-fails-first failing-generator-fails-first handled-stream-fails-first handled-generator-fails-first",
);
differ(
  "The error page of development is a page of our own",
  otherBody,
  "developing-throw developing-accept-json developing-throw-string developing-reject developing-missing-file " +
    "developing-error-response developing-used",
);
differ(
  "In development `GET /bun:info` is a path like any other: clients are not told the versions of Bun and Linux",
  answer(0, {
    body: ANY,
    "headers.content-length": ANY,
    "headers.content-type": ANY,
    "headers.cache-control": ABSENT,
    "headers.age": ABSENT,
  }),
  "developing-bun-info",
);
differ(
  "A return value that is no Response, in development: one Content-Length",
  {
    ...instead(0, { body: ANY, framing: "length", status: "200 OK", ...DATE }),
    ...answer(0, { "headers.content-length": "57", "headers.content-type": text }),
  },
  "developing-return-undefined developing-return-string",
);

differ(
  "`server.fetch` with a path makes the url with the real port",
  { promise: '"GET 127.0.0.1:<port> ?x=1 "' },
  "server-fetch-path server-inside-fetch-path",
);
differ(
  "`Bun.inspect(server)` shows methods without names, and stats",
  { "": ANY },
  "server-inspect server-inside-inspect",
);
const LAST_ANSWER = "The last answer of a connection says so when the server stops";
differ(LAST_ANSWER, { "1.headers.connection": "close" }, "stop-in-flight");
differ(LAST_ANSWER, { "headers.connection": "close" }, "stop-partial-head");
differ(LAST_ANSWER, { "0.1": ANY }, "stop-inside");
differ("`server.stop()` gives the same promise each time", { "0.promise.0": true }, "stop-twice");
differ(
  "`epollo/auto` reads `onNodeHTTPRequest` once more than Bun.serve, first of all",
  { output: ANY },
  "entry-options-read",
);

/** By id of the case. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = table;

/** Cases that fail for now, by id (everywhere) or "id:pool" (there only), with the place to mend: none. */
export const TO_MEND: Readonly<Record<string, string>> = {};
