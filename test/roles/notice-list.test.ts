import { expect, test } from "bun:test";
import type { Exchange } from "../../src/fetch/exchange.ts";
import { NoticeList, TELL_ABORT, TELL_CREDIT, TELL_HALF_CLOSED } from "../../src/roles/notice-list.ts";

test("requests are told in order, those that are over are not, and what comes up meanwhile waits", () => {
  const told: string[] = [];
  const notices = new NoticeList();
  const play = (name: string, isDone: boolean): Exchange => {
    const exchange = {
      isDone,
      addCredit: (bytes: number) => told.push(`${name} ${bytes}`),
      abort: () => {
        told.push(`${name} abort`);
        notices.add(exchange, TELL_CREDIT, 7);
      },
      halfClose: () => told.push(`${name} half`),
    } as unknown as Exchange;
    return exchange;
  };
  expect(notices.hasSome).toBe(false);
  notices.add(play("a", false), TELL_CREDIT, 5);
  notices.add(play("b", true), TELL_ABORT, 0);
  notices.add(play("c", false), TELL_HALF_CLOSED, 0);
  notices.add(play("d", false), TELL_ABORT, 0);
  expect([notices.hasSome, told]).toEqual([true, []]);
  notices.tell();
  expect(told).toEqual(["a 5", "c half", "d abort"]);
  expect(notices.hasSome).toBe(true);
  notices.tell();
  expect(told.at(-1)).toBe("d 7");
  expect(notices.hasSome).toBe(false);
});
