import type { EmulatedResult } from "./emulated/result.ts";
import type { FaultsResult } from "./faults/result.ts";
import type { Scale } from "./scale/result.ts";
import type { SharingResult } from "./sharing/result.ts";

/**
 * The document that a benchmark leaves behind, `sluice.bench/2`. Every figure stands beside its unit, in an object of
 * the four shapes below; one that could not be measured is null, beside the reason. Numbers that are names (seeds,
 * ports, settings of the kernel) are text.
 */

/**
 * `1`: a count, a share, a ratio or a chance. `us` is microseconds; `B` bytes. Latencies inside encoded histograms are
 * nanoseconds.
 */
export type Unit = "1" | "1/s" | "B/s" | "B" | "MiB" | "s" | "ms" | "us" | "ns";

/**
 * Why a figure is null. `too-few-blocks`: the run ended before there were `method.fewestBlocks`. `block-without-result`:
 * in some block nothing was completed, so that there is no ratio or no interval. `no-flows`: no connection or flow
 * reached an endpoint. `too-few-answers`: fewer than 10 lie beyond the percentile. `no-spread`: every
 * block came to the same, which makes no interval. `not-applicable`: there is no such figure here. `unknown`: this host does not tell.
 */
export type Missing =
  | "too-few-blocks"
  | "block-without-result"
  | "no-flows"
  | "too-few-answers"
  | "no-spread"
  | "not-applicable"
  | "unknown";

export type Quantity =
  | { readonly value: number; readonly unit: Unit }
  | { readonly value: null; readonly unit: Unit; readonly reason: Missing };

/** An estimate with its interval: both ends, in the same unit. */
export type Estimate =
  | { readonly value: number; readonly interval: readonly [low: number, high: number]; readonly unit: Unit }
  | { readonly value: number | null; readonly interval: null; readonly unit: Unit; readonly reason: Missing };

/** One value a block, or an endpoint, in their order. */
export interface Series {
  readonly values: readonly number[];
  readonly unit: Unit;
}

/** A series that nothing could be measured of. */
export interface MissingSeries {
  readonly values: null;
  readonly unit: Unit;
  readonly reason: Missing;
}

/** An HdrHistogram in its V2 compressed form, base64: `HISTFAAA…`. */
interface EncodedHistogram {
  readonly hdrHistogram: string;
  readonly unit: "ns";
}

/** @param reason stands in the place of a value that is undefined. */
export function quantity(value: number, unit: Unit): Quantity;
export function quantity(value: number | undefined, unit: Unit, reason: Missing): Quantity;
export function quantity(value: number | undefined, unit: Unit, reason: Missing = "unknown"): Quantity {
  return value === undefined ? { value: null, unit, reason } : { value, unit };
}

/** Changes with the fields of the document. */
export const SCHEMA = "sluice.bench/2";

export interface BenchResult {
  readonly schema: typeof SCHEMA;
  /** False when it ended early: then only whole blocks are in it. */
  readonly complete: boolean;
  /**
   * `plan`: all blocks are done. `precision`: the ratios are as precise as `method.precision` asks for. `signal`: it was
   * stopped. `budget`: its time was over.
   */
  readonly endedBy: "plan" | "precision" | "signal" | "budget";
  /** What makes the result worthless or a promise broken; empty: nothing did. */
  readonly failures: readonly Failure[];
  readonly control: Control;
  /** What the load generator does with no subject in its way, measured before everything else; one a work. */
  readonly limits: readonly Limit[];
  /** What a reader has to know about how it was measured, in sentences. */
  readonly notes: readonly string[];
  readonly method: Method;
  readonly services: readonly MeasuredService[];
  readonly works: readonly WorkSummary[];
  readonly subjects: readonly SubjectSummary[];
  /** What was asked for and this host cannot do. */
  readonly unmeasured: readonly Unmeasured[];
  /** Each subject doing each work, works first, in the order of `works` and `subjects`. */
  readonly cells: readonly CellResult[];
  /** Of a run over numbers of services; absent in any other. */
  readonly scale?: Scale;
  readonly environment: Environment;
  /** Of a plan in which endpoints die, freeze, return and are replaced. */
  readonly faults?: FaultsResult;
  /** Of a plan in which endpoints are not alike, or come and go. */
  readonly sharing?: SharingResult;
  /** Of subjects without traffic; absent where there are none. */
  readonly emulated?: EmulatedResult;
}

export type { EmulatedCell, EmulatedResult } from "./emulated/result.ts";
export type { SharingFigure, SharingResult } from "./sharing/result.ts";
export type { FaultCell, FaultsResult } from "./faults/result.ts";
export type { Growth, Scale, ScalePoint } from "./scale/result.ts";

export interface Unmeasured {
  readonly subject: string;
  /** In words. */
  readonly reason: string;
}

export interface Failure {
  readonly subject: string;
  readonly work: string;
  /**
   * `wrong-answer`: an answer was not the one to its request. `unanswered`: a request was refused, dropped or timed out.
   * `lost-count`: the backends saw another number of requests than were answered. `promise-broken`: the distribution is
   * not what the subject promises.
   */
  readonly reason: "wrong-answer" | "unanswered" | "lost-count" | "promise-broken";
}

/** The control: the reference measured twice in each block, under two names. */
export interface Control {
  readonly reference: string;
  /** The same once more. */
  readonly again: string;
  /** By work: control over reference; `holdsOne` is null where the ratio has no interval, and says why. */
  readonly ratios: readonly {
    readonly work: string;
    /** Of what: `p50` in an open loop, where all have the same rate. @default rate */
    readonly figure?: "p50";
    readonly ratio: Estimate;
    readonly holdsOne: boolean | null;
  }[];
  /**
   * Some interval does not hold 1: intervals of this run are too short by an unknown factor. Null: none does not, but
   * some ratio has no interval, so that nobody can tell.
   */
  readonly differs: boolean | null;
}

/** Load generator and endpoints by themselves, doing one work. */
interface Limit {
  readonly work: string;
  readonly rate: Quantity;
  readonly generatorBusy: Quantity;
  readonly endpointsBusy: Quantity;
}

interface Method {
  readonly seed: string;
  readonly blocks: Quantity;
  readonly plannedBlocks: Quantity;
  /** With fewer there are no intervals, no share errors, and no promise is said to be kept. */
  readonly fewestBlocks: Quantity;
  /** How long the run might take. */
  readonly budget: Quantity;
  /**
   * The run ended when every ratio's interval reached at most so far to each side, as a part of the ratio; in an open loop
   * that of median latencies.
   */
  readonly precision: Quantity;
  readonly window: Quantity;
  readonly messageSize: Quantity;
  readonly timeout: Quantity;
  readonly confidence: Quantity;
  /** How intervals were made, in a sentence. */
  readonly intervals: string;
  /** What made the load of the works, in words. */
  readonly generator?: string;
}

export interface MeasuredService {
  readonly protocol: "tcp" | "udp";
  /** `namespace/name:port`. */
  readonly servicePort: string;
  readonly address: string;
  readonly endpoints: readonly {
    /** `ip:port` as the cluster has it. */
    readonly endpoint: string;
    /** Where its echo backend listened. */
    readonly standIn: string;
  }[];
}

export interface WorkSummary {
  readonly work: string;
  readonly protocol: "tcp" | "udp";
  readonly what: string;
  readonly operation: "connection" | "request" | "byte";
  readonly concurrency: Quantity;
  /**
   * `closed`: a lane sends when it has its answer. `open`: requests are due at a fixed rate, and latency counts from when
   * they were.
   */
  readonly loop: "closed" | "open";
  readonly dueRate: Quantity;
}

interface SubjectSummary {
  readonly subject: string;
  readonly what: string;
  /** Where clients reached it. */
  readonly targets: { readonly tcp: readonly string[]; readonly udp: readonly string[] };
}

/** A percentile of latency: `99.9`, by its name. */
export type Percentile = Estimate & {
  readonly percentile: string;
  /**
   * Of all answers together, where that lies far beyond the interval: a few blocks are unlike the others, as when something
   * stalled, and a mean of groups hides them. Absent where it does not.
   */
  readonly overall?: Quantity;
};

export interface CellResult {
  readonly subject: string;
  readonly work: string;
  /** The geometric mean of the blocks' rates. */
  readonly rate: Estimate;
  /** The geometric mean of the blocks' ratios to the reference; null for the reference itself. */
  readonly ratio: Estimate | null;
  /** The control differs in this work: the ratio's interval is too short by an unknown factor. Null: nobody can tell. */
  readonly ratioDoubtful: boolean | null;
  /**
   * 50 to 99.99: with an interval the geometric mean of groups of blocks, without one that of all blocks together. Null
   * where fewer than 10 answers lie beyond, or a work has no single answers.
   */
  readonly percentiles: readonly Percentile[];
  readonly latency: EncodedHistogram | null;
  /** What held the rate back besides the subject: a thread of ours that had no time left, or sent late. */
  readonly bottleneck: "generator" | "endpoints" | null;
  /** Shares of the time in which our own threads had something to do: the median of the blocks. */
  readonly generatorBusy: Quantity;
  readonly endpointsBusy: Quantity;
  /** Of an open loop: the share of requests that the generator sent late by its own doing. */
  readonly sentLate: Quantity;
  /**
   * How long the subject's own threads or processes ran for each operation, of bytes for each 10⁶: the mean of the
   * blocks. Absent where nobody tells.
   */
  readonly processorTime?: Estimate;
  readonly errors: {
    readonly refused: Quantity;
    readonly dropped: Quantity;
    readonly timedOut: Quantity;
    readonly wrong: Quantity;
  };
  readonly distribution: Distribution;
  readonly blocks: {
    readonly operations: Series;
    readonly duration: Series;
    readonly rate: Series;
    readonly errors: Series;
  };
}

/** Which endpoints took the new connections or flows, as the endpoints saw it. */
export interface Distribution {
  readonly of: "connections" | "flows";
  /** In the order of the service's endpoints. */
  readonly counts: Series;
  readonly shares: Series | MissingSeries;
  /** Whole requests, which follow connections only where each has as many. */
  readonly requests: Series;
  /** The largest deviation of a share from an even one. */
  readonly shareError: Quantity;
  readonly promise: PromiseSummary;
  readonly check: CheckSummary;
}

export interface CheckSummary {
  /** `unlikely`: see `chance`. A promise that is broken is so after any number of blocks. */
  readonly outcome: "kept" | "unlikely" | "broken" | "unchecked";
  readonly worst: Quantity;
  readonly allowed: Quantity;
  /** Of a deviation at least this large, if the promise is kept. */
  readonly chance: Quantity;
  readonly slices: Quantity;
}

export type PromiseSummary =
  | { readonly kind: "none" | "exact" | "uniform-random" }
  | { readonly kind: "bounded"; readonly maxDifference: Quantity; readonly within: Quantity }
  /** Endpoints in list order; those from place `reach` on get nothing. */
  | { readonly kind: "first"; readonly order: readonly string[]; readonly reach: Quantity };

export interface Environment {
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly sluiceVersion: string;
  readonly gitCommit: string | null;
  /** The program without its folder, and its arguments. */
  readonly commandLine: readonly string[];
  readonly nodeVersion: string;
  /** What moved the bytes, and how ports were served. */
  readonly engine: string;
  readonly system: string;
  readonly cpuModel: string | null;
  readonly cpuGovernor: string | null;
  /** Settings of the kernel that connections and datagrams depend on, by name, as it writes them. */
  readonly sysctls: Readonly<Record<string, string | null>>;
  /** Of what carries the load besides Node, by name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly processors: Quantity;
  readonly memoryTotal: Quantity;
  readonly memoryFree: Quantity;
  /** Over one minute. */
  readonly loadAverageBefore: Quantity;
  readonly loadAverageAfter: Quantity;
  /** The share of processor time that the hypervisor gave to others meanwhile. */
  readonly stolenTime: Quantity;
}
