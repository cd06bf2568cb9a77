import { expect, test } from "bun:test";
import { PARSE_ERROR, parseError } from "../../src/http/parse-error.ts";
import * as replies from "../../src/http/response-head.ts";

test("closing replies have the bytes of Bun.serve", () => {
  const phrases: [number, string][] = [
    [400, "Bad Request"],
    [431, "Request Header Fields Too Large"],
    [413, "Payload Too Large"],
    [505, "HTTP Version Not Supported"],
    [414, "URI Too Long"],
    [501, "Not Implemented"],
    [500, "Internal Server Error"],
  ];
  for (const [status, phrase] of phrases) {
    expect(String(replies.errorReply(status))).toBe(
      `HTTP/1.1 ${status} ${phrase}\r\nConnection: close\r\n\r\n`,
    );
    expect(replies.errorReply(status)).toBe(replies.errorReply(status));
  }
  expect(replies.parseErrorReply(parseError(PARSE_ERROR.UNKNOWN_METHOD))).toBe(replies.errorReply(501));
});

test("the other constant replies", () => {
  expect(String(replies.CONTINUE_REPLY)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  expect(String(replies.LENGTH_TOO_LARGE_REPLY)).toBe(
    "HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\n\r\n",
  );
  expect(replies.BODY_TOO_LARGE_REPLY).toBe(replies.errorReply(413));
  expect(String(replies.OVERLOADED_REPLY)).toBe(
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
  );
  expect(String(replies.OVERLOADED_CLOSING_REPLY)).toBe(
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n",
  );
});

test("an empty reply keeps the connection", () => {
  expect(String(replies.emptyReply(404, "Date: x"))).toBe(
    "HTTP/1.1 404 Not Found\r\nDate: x\r\nContent-Length: 0\r\n\r\n",
  );
  expect(String(replies.emptyReply(500))).toBe(
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
  );
});
