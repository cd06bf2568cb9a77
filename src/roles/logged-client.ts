/** What the access log keeps with a client: types only (`access-log.ts`). */

/** A request that is being answered. */
export interface LoggedRequest {
  readonly sequence: number;
  readonly method: string;
  readonly path: string;
  readonly version: string;
  readonly referer: string;
  readonly agent: string;
  readonly startMs: number;
  status: number;
  bytes: number;
}

/** A client's address, and its requests in the order in which they came. */
export interface LoggedClient {
  readonly address: string;
  readonly entries: LoggedRequest[];
}
