import type { Estimate, Quantity, Series } from "../result.ts";

/** What a document says of how subjects share out connections where endpoints are not alike, or change. */
export interface SharingResult {
  /** How it was measured, in sentences. */
  readonly method: readonly string[];
  /** One endpoint takes longer than the others; one a subject. */
  readonly slow: readonly SlowCell[];
  /** An endpoint is added, and removed again; two a subject. */
  readonly changes: readonly ChangeCell[];
  /** Absent in documents from before there was one. */
  readonly control?: SharingControl;
}

/** A subject measured twice in each block, under two names. */
export interface SharingControl {
  readonly reference: string;
  /** The same once more. */
  readonly again: string;
  readonly figures: readonly {
    readonly figure: SharingFigure;
    /** The second less the first: the mean of the blocks. */
    readonly difference: Estimate;
    /** False: intervals of this figure are too short by an unknown factor. Null: nobody can tell. */
    readonly holdsZero: boolean | null;
  }[];
  readonly differs: boolean | null;
}

export type SharingFigure = "slow-share" | "rate" | "moved-when-added" | "moved-when-removed";

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
