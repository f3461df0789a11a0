import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import type { Flow } from "../net/flow.ts";
import type { BackendSpec } from "./backend-spec.ts";
import type { BackendCounts } from "./backend-table.ts";
import type { AlgorithmName } from "./registry.ts";
import type { BalancerSnapshot } from "./snapshot.ts";

/** Where a balancer gets chance and time from; pass both, and a run can be replayed. */
export interface BalancerSources {
  /** @default seeded afresh */
  readonly random?: Random;
  /** @default the host's monotonic clock */
  readonly clock?: Clock;
}

/** A flow's hold on a backend: one active connection, of whatever protocol, until it is released. */
export interface Lease {
  /** The id of the backend. */
  readonly backend: string;
  /**
   * @param outcome what the algorithms that go by latency learn from this flow.
   * @throws {SluiceError} BALANCER_INVALID the second time, or once its balancer was restored, or for an outcome that
   *   cannot be; then nothing is counted.
   */
  release(outcome?: FlowOutcome): void;
}

/** How a flow ended. */
export interface FlowOutcome {
  /** At least 0. @default the time since the lease was given */
  readonly latencyMs?: number;
  /** @default false */
  readonly failed?: boolean;
}

/** What a backend answers to a probe. */
export interface ProbeAnswer {
  /** Requests that it is serving, whoever sent them, at least 0. */
  readonly inFlight: number;
  /** What a request takes there, at least 0. */
  readonly latencyMs: number;
}

/** An `Explanation` in terms of backends. */
export interface BackendExplanation {
  /** The id that `acquire` would give now; undefined when it would give none, and where chance decides. */
  readonly backend: string | undefined;
  /** Whether chance decides. */
  readonly byChance: boolean;
  /** The rule that decides, in one sentence, with its ties. */
  readonly rule: string;
  /** What is looked at, in that order. */
  readonly candidates: readonly BackendCandidate[];
}

/** A `Candidate` in terms of backends. */
export interface BackendCandidate {
  /** Its id. */
  readonly backend: string;
  /** The figure that was compared: an overhead, a delay, a chance, the number of a table entry. */
  readonly value: number;
  /** What the figure is, and why it counted or did not. */
  readonly meaning: string;
}

/** A balancer that knows its backends by id and counts what it gives away. */
export interface LeasingBalancer {
  /** The name of its algorithm. */
  readonly algorithm: AlgorithmName;
  /**
   * Picks a backend for a new flow.
   *
   * @returns undefined when no backend may take it.
   * @throws {SluiceError} BALANCER_INVALID for what is no flow, naming the field.
   */
  acquire(flow: Flow): Lease | undefined;
  /**
   * Why `acquire` would give what it would give for this flow now. Changes nothing. O(n).
   *
   * @throws {SluiceError} BALANCER_INVALID as `acquire`.
   */
  explain(flow: Flow): BackendExplanation;
  /**
   * Makes this the list of backends. First those that it does not name are taken out. Then, in the order given, a
   * backend that is there gets its settings where it stands, and a new one goes to the head of the list, so that the
   * last new one ends up first. Leases stay good; a backend that comes back while it has some is counted with them.
   *
   * @param backends at least one: an empty list is mostly a look-up that failed. `remove` takes out the last one, too.
   * @throws {SluiceError} BALANCER_INVALID, naming the field; then nothing has changed.
   */
  update(backends: readonly BackendSpec[]): void;
  /**
   * Adds one backend at the head of the list; one that is there gets its settings where it stands.
   *
   * @throws {SluiceError} BALANCER_INVALID, naming the field; then nothing has changed.
   */
  put(backend: BackendSpec): void;
  /** Takes one backend out. @throws {SluiceError} BALANCER_INVALID for an id that is not in the list. */
  remove(id: string): void;
  /** The backends in list order, newest first; behind them those that were removed and still have leases. */
  counts(): readonly BackendCounts[];
  /**
   * A backend answered a probe; only algorithms that go by probes take notice.
   *
   * @throws {SluiceError} BALANCER_INVALID for an id that is not in the list, and for an answer that cannot be.
   */
  probed(id: string, answer: ProbeAnswer): void;
  /** All that the balancer is. O(n). */
  snapshot(): BalancerSnapshot;
  /**
   * Becomes what a balancer of the same algorithm and options was. With a random source that gives the same numbers,
   * and the same clock, it makes the same picks from there on. All leases that it gave before are void.
   *
   * @returns a lease for each connection that was open when the snapshot was taken, backend by backend.
   * @throws {SluiceError} BALANCER_INVALID, naming the field; then nothing has changed.
   */
  restore(snapshot: BalancerSnapshot): readonly Lease[];
}
