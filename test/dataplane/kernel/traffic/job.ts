/** What a client is to do. */
export interface Job {
  /** `stream`: all datagrams from one socket. `hold`: one connection, which `held` says a second word on. */
  readonly op: "tcp" | "udp" | "stream" | "hold" | "held";
  readonly host: string;
  readonly port: number;
  /** How many connections, sockets or datagrams. */
  readonly attempts: number;
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** Between a client's attempts, or the datagrams of a stream. */
  readonly gapMs: number;
  /** The client's addresses, taken in turn; empty: the host's choice. */
  readonly locals: readonly string[];
}

/** What came of one attempt. */
export interface Attempt {
  /** The client's own address, where it was said. */
  readonly local?: string;
  /** Who answered. */
  readonly id?: string;
  /** Whom the backend saw. */
  readonly src?: string;
  readonly echo?: string;
  /** Why nobody did: `timeout`, or the errno. */
  readonly error?: string;
}
