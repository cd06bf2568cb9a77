/**
 * The ready list: clients that may have something to read or room to write, in round robin.
 *
 * Owned by the dispatcher. Edge-triggered notifications come once, so the list is the dispatcher's to keep: a client
 * stays on it until a call said that nothing is left. Two arrays take turns, so that a client that is listed while the
 * list is walked comes in the next turn, behind all others.
 */
import { CLIENT_CLOSED, type Client } from "./client.ts";

/** Clients that are due in the next turn. */
export class ReadyList {
  #clients: Client[] = [];
  #spare: Client[] = [];

  /** Whether some client is due. */
  get hasSome(): boolean {
    return this.#clients.length > 0;
  }

  /** Puts a client at the end, unless it is there. */
  add(client: Client): void {
    if (client.isListed) return;
    client.isListed = true;
    this.#clients.push(client);
  }

  /** Takes all clients off and calls `serve` for each that is open. */
  walk(serve: (client: Client) => void): void {
    const clients = this.#clients;
    if (clients.length === 0) return;
    this.#clients = this.#spare;
    for (const client of clients) {
      client.isListed = false;
      if (client.state !== CLIENT_CLOSED) serve(client);
    }
    clients.length = 0;
    this.#spare = clients;
  }
}
