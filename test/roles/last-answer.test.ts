/** Which answers of a server that stops say `Connection: close`, and where the field goes. */
import { beforeEach, describe, expect, test } from "bun:test";
import { NativeBuffer } from "../../ffi/native-buffer.ts";
import { DEFAULT_LIMITS } from "../../src/http/limits.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import { HEAD, RequestParser } from "../../src/http/request-parser.ts";
import { CLIENT_ENDING, CLIENT_OPEN, Client } from "../../src/roles/client.ts";
import { closingCopy, closingHead, LastAnswers } from "../../src/roles/last-answer.ts";
import {
  SERVER_CLOSED,
  SERVER_DRAINING,
  SERVER_FINISHING,
  SERVER_RUNNING,
} from "../../src/shm/control-block.ts";

let client: Client;
let last: LastAnswers;

beforeEach(() => {
  client = new Client(0, 0, -1);
  last = new LastAnswers();
  last.enter(SERVER_DRAINING);
});

describe("the last answer of a client", () => {
  test("is that to its newest request, once; then it is not read any more", () => {
    const sequence = client.answers.assign();
    expect(last.takes(client, sequence)).toBe(true);
    expect([client.isLastRequest, client.state]).toEqual([true, CLIENT_ENDING]);
    expect(last.takes(client, sequence)).toBe(false);
  });

  test("of a request that is still arriving: it is read to its end", () => {
    const bytes = Buffer.from("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    client.parser = new RequestParser(DEFAULT_LIMITS);
    expect(client.parser.next(bytes, 0, bytes.length, new RequestHead(DEFAULT_LIMITS))).toBe(HEAD);
    expect(last.takes(client, client.answers.assign())).toBe(true);
    expect([client.isLastRequest, client.state]).toEqual([true, CLIENT_OPEN]);
  });

  test("is not one with others behind it, be they read or not", () => {
    const first = client.answers.assign();
    const second = client.answers.assign();
    expect(last.takes(client, first)).toBe(false);
    client.isFollowed = true;
    expect(last.takes(client, second)).toBe(false);
    client.isFollowed = false;
    expect(last.takes(client, second)).toBe(true);
  });

  test("is none while the server runs, or is closed", () => {
    const states = [SERVER_RUNNING, SERVER_FINISHING, SERVER_DRAINING, SERVER_CLOSED].map((state) => {
      last.enter(state);
      return [last.isStopping, last.isDraining];
    });
    expect(states).toEqual([
      [false, false],
      [true, false],
      [true, true],
      [false, false],
    ]);
  });

  test("of the server's own is marked, and the constant stays as it is", () => {
    const bytes = Buffer.from("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    const sequence = client.answers.assign();
    expect(last.mark(client, sequence, bytes).toString()).toBe(
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    );
    expect(bytes.includes("close")).toBe(false);
    expect(last.mark(client, sequence, bytes)).toBe(bytes);
  });
});

test("the field goes behind the status line", () => {
  const head = "HTTP/1.1 200 OK\r\nDate: x\r\n\r\n";
  const marked = "HTTP/1.1 200 OK\r\nConnection: close\r\nDate: x\r\n\r\n";
  expect(closingHead(head)).toBe(marked);
  const native = NativeBuffer.allocate(100);
  native.bytes.write(`...${head}body...`);
  const copy = closingCopy(native, 3, head.length + 4);
  expect(copy.bytes.toString()).toBe(`${marked}body`);
});
