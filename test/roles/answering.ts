/** The writer and the result reader of a dispatcher with one client and one handler; the test plays peer and handler. */
import { close } from "../../ffi/calls.ts";
import { AnswerWriter } from "../../src/roles/answer-writer.ts";
import { CLIENT_CLOSED, CLIENT_ENDING, Client, TASK_GIVEN, TASK_OVER, Task } from "../../src/roles/client.ts";
import { ResultReader } from "../../src/roles/result-reader.ts";
import { counterBlock, counterBytes, DISPATCHER_COUNTERS } from "../../src/shm/counters.ts";
import { LinkPair } from "../channel/link-pair.ts";
import { SocketPair } from "../net/raw-client.ts";
import { receiveNow } from "./receive-now.ts";

/** A request that the handler has started. */
export interface Given {
  readonly task: Task;
  readonly serial: number;
  answer(head: string, body: Buffer | null, flags: number): void;
  answerFile(head: string, fd: number, offset: number, length: number, flags: number): void;
}

/** One client and its answers. */
export class Answering {
  readonly sockets: SocketPair;
  readonly pair: LinkPair<Task> = new LinkPair<Task>();
  readonly client: Client;
  readonly writer: AnswerWriter;
  readonly results: ResultReader;
  /** What the dispatcher was told, in order. */
  readonly events: string[] = [];
  /** How the handlers of answers have run, where the tasks' kinds are known. */
  readonly paces: number[] = [];
  readonly counters: Float64Array = counterBlock(
    new SharedArrayBuffer(counterBytes(DISPATCHER_COUNTERS)),
    0,
    DISPATCHER_COUNTERS,
  );

  private constructor(sockets: SocketPair) {
    const { events, counters } = this;
    this.sockets = sockets;
    this.client = new Client(0, 0, sockets.server);
    const owner = {
      answered: (_client: Client, task: Task): void => {
        task.state = TASK_OVER;
        events.push(`answered ${task.sequence}`);
      },
      broken: (broken: Client): void => {
        broken.state = CLIENT_CLOSED;
        this.writer.drop(broken);
        events.push("broken");
      },
      finished: (): void => {
        events.push("finished");
      },
      over: (task: Task): void => {
        task.state = TASK_OVER;
      },
      // A client that is read no more and has got all its answers is settled, as by `Clients`.
      drained: (client: Client): void => {
        if (client.state === CLIENT_ENDING && client.answers.isIdle) events.push("finished");
      },
      progressed: (): void => {},
      blocked: (): void => {},
      list: (): void => {
        events.push("listed");
      },
      measured: (_task: Task, pace: number): void => {
        this.paces.push(pace);
      },
      bodyCredit: (task: Task, bytes: number): void => {
        events.push(`credit ${task.sequence} ${bytes}`);
      },
      retryLater: (): void => {
        events.push("retry");
      },
    };
    this.writer = new AnswerWriter(owner, counters);
    this.results = new ResultReader(owner, this.writer, counters, [this.pair.dispatcher]);
  }

  /** Connects the client, with small kernel buffers if asked. */
  static async open(areBuffersSmall = false): Promise<Answering> {
    return new Answering(await SocketPair.open({ areBuffersSmall }));
  }

  /** A request of the client that a handler has started. */
  give(): Given {
    const { pair, client } = this;
    const task = new Task(client, client.answers.assign());
    client.tasks.push(task);
    const { entry, serial } = pair.start(task);
    task.link = pair.dispatcher;
    task.entry = entry;
    task.state = TASK_GIVEN;
    return {
      task,
      serial,
      answer: (head, body, flags) =>
        pair.handler.answer(entry, serial, head, body, 0, body?.length ?? 0, flags),
      answerFile: (head, fd, offset, length, flags) =>
        pair.handler.answerFile(entry, serial, head, fd, offset, length, flags),
    };
  }

  /** What a dispatcher does in a turn. */
  turn(): void {
    while (this.results.collect(this.pair.dispatcher));
    this.writer.flushDirty();
    this.pair.handler.resume();
  }

  /** What the peer has got since the last call. */
  peerRead(): Buffer {
    return receiveNow(this.sockets.client);
  }

  /** Goes on until so many bytes have arrived, as the dispatcher does on EPOLLOUT. */
  async peerReadAll(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let total = 0;
    for (let attempt = 0; total < length && attempt < 3000; attempt++) {
      const part = this.peerRead();
      total += part.length;
      parts.push(part);
      this.client.isWritable = true;
      this.turn();
      this.writer.flush(this.client);
      if (part.length === 0) await Bun.sleep(1);
    }
    return Buffer.concat(parts);
  }

  /** Closes what is open of the connection. */
  close(): void {
    close(this.sockets.server);
    if (!this.#isPeerClosed) close(this.sockets.client);
  }

  #isPeerClosed = false;

  /** Closes the peer's socket in a way of the test's. */
  closePeer(how: (fd: number) => void): void {
    this.#isPeerClosed = true;
    how(this.sockets.client);
  }
}
