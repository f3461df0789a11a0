import type { CheckSummary, Estimate, MissingSeries, PromiseSummary, Quantity, Series } from "../result.ts";

/**
 * What a document says of subjects that carry no traffic: packets that are decided in memory. Nothing of it is a rate or a
 * latency of connections, and none of it is compared with one.
 */
export interface EmulatedResult {
  /** How it was worked out, in sentences. */
  readonly method: readonly string[];
  readonly subjects: readonly { readonly subject: string; readonly what: string }[];
  /** Each subject at each measured service. */
  readonly cells: readonly EmulatedCell[];
  /** Of the decisions' times, one a service; absent in documents from before there was one. */
  readonly controls?: readonly EmulatedControl[];
}

/**
 * A subject timed twice in each block, under two names. Rules, counts and shares need none: they follow from the seed, and
 * would come to the same.
 */
export interface EmulatedControl {
  readonly servicePort: string;
  readonly reference: string;
  /** The same once more. */
  readonly again: string;
  /** Of a decision's time: the second over the first, within each block. */
  readonly ratio: Estimate;
  /** False: intervals of times on this service are too short by an unknown factor. Null: nobody can tell. */
  readonly holdsOne: boolean | null;
}

export interface EmulatedCell {
  readonly subject: string;
  readonly servicePort: string;
  readonly protocol: "tcp" | "udp";
  /** New flows of all blocks. */
  readonly flows: Quantity;
  /** Of these, the ones that no endpoint got. */
  readonly lost: Quantity;
  /** Rules and entries that a first packet passes: the mean of the blocks. */
  readonly rules: Estimate;
  /** What a decision takes in the emulator, on this host: the geometric mean of the blocks. */
  readonly decision: Estimate;
  /** In the order of the service's endpoints. */
  readonly counts: Series;
  readonly shares: Series | MissingSeries;
  /** The largest deviation of a share from an even one in a block: the mean of the blocks. */
  readonly shareError: Estimate;
  readonly promise: PromiseSummary;
  readonly check: CheckSummary;
  /** One value a block. */
  readonly blocks: { readonly rules: Series; readonly decision: Series; readonly shareError: Series };
}
