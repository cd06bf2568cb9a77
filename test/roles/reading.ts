/** The request reader of a dispatcher with one client; the test plays the peer, the handler and the rest of the dispatcher. */

import { DEFAULT_LIMITS, type ParserLimits } from "../../src/http/limits.ts";
import { closeSocket } from "../../src/net/stream-socket.ts";
import { type Client, TASK_OVER, type Task } from "../../src/roles/client.ts";
import { ClientTable } from "../../src/roles/client-table.ts";
import { DirectAnswers } from "../../src/roles/direct-answers.ts";
import { LastAnswers } from "../../src/roles/last-answer.ts";
import { RequestIntake } from "../../src/roles/request-intake.ts";
import { RequestReader } from "../../src/roles/request-reader.ts";
import { UploadSender } from "../../src/roles/upload-sender.ts";
import { PEER } from "../channel/link-pair.ts";
import { SocketPair } from "../net/raw-client.ts";
import { Peer } from "./peer.ts";
import { PlayedHandler } from "./played-handler.ts";
import { Scheduling } from "./scheduling.ts";

/** How `Reading` differs from a server with the default options. */
export interface ReadingOptions {
  readonly limits?: ParserLimits;
  readonly maxBodyBytes?: number;
  readonly maxBacklog?: number;
  readonly hasHandler?: boolean;
}

/** One client that is read. */
export class Reading {
  readonly peer: Peer;
  readonly client: Client;
  readonly scheduling: Scheduling;
  readonly handler: PlayedHandler;
  readonly reader: RequestReader;
  readonly uploads: UploadSender;
  /** What the dispatcher was told, in order. */
  readonly events: string[] = [];
  /** Requests in flight. */
  inFlight = 0;

  private constructor(sockets: SocketPair, options: ReadingOptions) {
    this.peer = new Peer(sockets.client);
    const table = new ClientTable();
    this.client = table.open(sockets.server, PEER.slice(1, 6));
    this.scheduling = new Scheduling(1, "bounded", options.maxBacklog ?? 1000);
    if (options.hasHandler !== false) this.scheduling.ready([0], 0.00001);
    this.handler = new PlayedHandler(this.scheduling.handlers[0]!);
    const { events } = this;
    this.uploads = new UploadSender({
      retryLater: () => events.push("retry"),
      resumed: (task) => events.push(`resumed ${task.sequence}`),
    });
    const firstLine = (bytes: Buffer): string => bytes.toString("latin1", 0, bytes.indexOf("\r\n"));
    const owner = {
      nowMs: 0,
      reply: (client: Client, sequence: number, bytes: Buffer, closes: boolean): void => {
        client.answers.finish(sequence);
        events.push(`reply ${sequence} ${firstLine(bytes)}${closes ? ", closes" : ""}`);
      },
      interim: (_client: Client, sequence: number, bytes: Buffer): void => {
        events.push(`interim ${sequence} ${firstLine(bytes)}`);
      },
      inputOver: (client: Client): void => {
        client.isInputOver = true;
        events.push("input over");
      },
      broken: (): void => {
        events.push("broken");
      },
      began: (): void => {
        this.inFlight++;
      },
      over: (task: Task): void => {
        if (task.state === TASK_OVER) return;
        task.state = TASK_OVER;
        this.inFlight--;
      },
      abandon: (task: Task): void => {
        events.push(`abandon ${task.sequence}`);
        owner.over(task);
      },
      progressed: (): void => {},
    };
    const targets = {
      scheduler: this.scheduling.scheduler,
      uploads: this.uploads,
      log: null,
      own: null,
      routes: null,
      inline: null,
      kinds: null,
    };
    const { counters } = this.scheduling;
    const maxBodyBytes = options.maxBodyBytes ?? 1 << 30;
    const limits = options.limits ?? DEFAULT_LIMITS;
    const intake = new RequestIntake(owner, table, targets, counters, limits, maxBodyBytes);
    const direct = new DirectAnswers({
      reply: () => {},
      send: () => 0,
      sendPieces: () => 0,
      rest: () => {},
      last: new LastAnswers(),
    });
    this.reader = new RequestReader(owner, intake, direct, counters);
  }

  /** The events but for those of a body that moves on. */
  get refusal(): string[] {
    return this.events.filter((event) => !event.startsWith("resumed "));
  }

  /** Connects the client. */
  static async open(options: ReadingOptions = {}): Promise<Reading> {
    return new Reading(await SocketPair.open(), options);
  }

  /** Sends, and reads until nothing is there or the client is paused. */
  async send(content: string | Buffer): Promise<void> {
    this.peer.send(content);
    await this.readAll();
  }

  /** Reads until nothing is there or the client is paused, as often as something comes; then has the handler play. */
  async readAll(): Promise<void> {
    const { client, reader } = this;
    for (let turn = 0; turn < 4; turn++) {
      await Bun.sleep(0);
      client.isReadable = true;
      while ((client.isReadable || client.mustParse) && !reader.isPaused(client)) reader.read(client);
    }
    this.play();
  }

  /** Makes visible what was given and has the handler read it. */
  play(): void {
    for (const link of this.scheduling.links) link.flush();
    this.handler.play();
  }

  /** What the dispatcher does when an answer is complete. */
  answered(index: number): void {
    const { client } = this;
    const task = client.tasks[index]!;
    client.answers.finish(task.sequence);
    client.forget(task);
    this.uploads.close(task);
    task.state = TASK_OVER;
    this.inFlight--;
  }

  close(): void {
    closeSocket(this.client.fd);
    this.peer.close();
  }
}
