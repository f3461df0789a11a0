import type { Estimate, Quantity, Series } from "../result.ts";

/** What a document says of how subjects share out connections where endpoints are not alike, or change. */
export interface SharingResult {
  /** How it was measured, in sentences. */
  readonly method: readonly string[];
  /** One endpoint takes longer than the others; one a subject. */
  readonly slow: readonly SlowCell[];
  /** An endpoint is added, and removed again; two a subject. */
  readonly changes: readonly ChangeCell[];
}

export interface SlowCell {
  readonly subject: string;
  /** The share of the connections that went to the slow endpoint: the mean of the blocks. */
  readonly slowShare: Estimate;
  /** What it would be at random and even, with the interval that 95 of 100 such runs lie in. */
  readonly chance: Estimate;
  /** Requests a second: the mean of the blocks. */
  readonly rate: Estimate;
  /** Of all blocks together. */
  readonly median: Quantity;
  readonly p99: Quantity;
  /** Connections of all blocks: the slow endpoint's first. */
  readonly counts: Series;
}

export interface ChangeCell {
  readonly subject: string;
  readonly change: "added" | "removed";
  /** The share of the clients, told apart by address, whose next connection went elsewhere: the mean of the blocks. */
  readonly moved: Estimate;
  /** What has to move for an even share: of an endpoint that comes or goes. */
  readonly least: Quantity;
  /** What moves when each connection goes anywhere at random, with the interval that 95 of 100 such runs lie in. */
  readonly chance: Estimate;
}
