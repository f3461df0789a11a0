import type { Estimate, Quantity } from "../result.ts";

/** What a number of services changes. */
export interface Scale {
  /** In the order of the subjects. */
  readonly points: readonly ScalePoint[];
  /** Each subject at its smallest and its largest number. */
  readonly growth: readonly Growth[];
}

export interface ScalePoint {
  readonly subject: string;
  /** The subject without the number. */
  readonly like: string;
  readonly services: Quantity;
  readonly endpoints: Quantity;
  /** What the first packet of a flow passes, the mean over the measured services: counted by the emulator. */
  readonly rules: Quantity;
  /** What a decision takes in the emulator. */
  readonly decision: Estimate;
  /** From the cluster's state to rules in force, in a node without any: several times where that is quick, else once. */
  readonly fullSync: Estimate;
  readonly fullBytes: Quantity;
  /** The same of one endpoint that goes or comes. */
  readonly changeSync: Estimate;
  readonly changeBytes: Quantity;
  /** The peak of the process that syncs. */
  readonly memory: Quantity;
}

/** One figure at the larger number of services over the same at the smaller one. */
export interface Growth {
  readonly like: string;
  readonly work: string;
  readonly figure: "rate" | "p50";
  readonly from: Quantity;
  readonly to: Quantity;
  readonly ratio: Estimate;
  /** The whole interval lies within 5 % of 1: it does not differ. Null: there is no interval. */
  readonly same: boolean | null;
  /** The whole interval lies above 1. */
  readonly grows: boolean | null;
  /** The control differs in this work: the interval is too short by an unknown factor. Null: nobody can tell. */
  readonly doubtful: boolean | null;
}
