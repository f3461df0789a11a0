import type { WorkName } from "../work.ts";

/** Where to send: an address in text and a port, as sockets take them. */
export interface LoadTarget {
  readonly host: string;
  readonly port: number;
}

/** A request that an open loop sends later than this, in milliseconds, is late. */
export const LATE_MS = 1;

/** One slice of load. Plain data: it goes to the generator's thread. */
export interface LoadTask {
  readonly work: WorkName;
  /** At least one; every new connection or flow goes to the next. */
  readonly targets: readonly LoadTarget[];
  readonly concurrency: number;
  /** 16…60 000. */
  readonly messageBytes: number;
  /** How long new requests are sent, in milliseconds. */
  readonly windowMs: number;
  /** An answer that takes longer is an error, in milliseconds. */
  readonly timeoutMs: number;
  /** Lanes count up from here; lanes of different slices must not meet. */
  readonly firstLane: number;
}

/** Requests that came to no good. */
export interface LoadErrors {
  /** The connection, or the flow, was refused. */
  readonly refused: number;
  /** The connection ended before the answer was there. */
  readonly dropped: number;
  /** No answer in time. */
  readonly timedOut: number;
  /** An answer that is not the one to this request: wrong bytes, or somebody else's. */
  readonly wrong: number;
}

/** What one slice came to. */
export interface LoadSample {
  /** Connections, requests or bytes that were complete and right inside the window. */
  readonly operations: number;
  /** The window as it really was, in seconds; 0 when it never opened. */
  readonly seconds: number;
  /** Latency of every right answer to a request of the window, also when it came after its end; nanoseconds, encoded. */
  readonly latency: string;
  readonly errors: LoadErrors;
  /**
   * Requests answered right in all, also after the window; of a stream, that it began. Where there are no errors the
   * backends have seen as many requests, and not one more.
   */
  readonly answers: number;
  /**
   * TCP: connections that were established, whether a request went over them or not. UDP: flows that a datagram was sent
   * on, since nobody can see one before. Where there are no errors the backends have seen as many.
   */
  readonly opened: number;
  /** Bytes received in all. */
  readonly bytes: number;
  /**
   * Of an open loop: requests that went out more than LATE_MS after they were due although a lane was there for them,
   * which is the generator's own doing. 0 of a closed loop, where nothing is due.
   */
  readonly sentLate: number;
}
