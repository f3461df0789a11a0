import type { Estimate, Quantity, Series } from "../result.ts";

/** What a document says of endpoints that die, freeze, return and are replaced. */
export interface FaultsResult {
  /** How requests were sent and judged, in sentences. */
  readonly method: readonly string[];
  /** In the order of the stories. */
  readonly events: readonly { readonly event: string; readonly what: string }[];
  /** Every event, subject by subject, with fresh connections and with kept ones. */
  readonly cells: readonly FaultCell[];
}

export interface FaultCell {
  readonly event: string;
  readonly subject: string;
  /** `fresh`: a connection a request. `kept`: connections that stay open. */
  readonly connections: "fresh" | "kept";
  /** Requests of all trials. */
  readonly asked: Quantity;
  /** The mean of the trials. */
  readonly failed: Estimate;
  /** From the event to when the last request that failed was due: the mean of the trials, 0 where none failed. */
  readonly lastFailure: Estimate;
  /** From the event to the first right answer to a request that was due after it. */
  readonly firstAnswer: Estimate;
  /** From an endpoint's return to its first answer. */
  readonly backAfter: Estimate;
  readonly errors: {
    readonly refused: Quantity;
    readonly dropped: Quantity;
    readonly timedOut: Quantity;
    readonly wrong: Quantity;
  };
  /** One value a trial. */
  readonly trials: { readonly failed: Series; readonly lastFailure: Series };
}
