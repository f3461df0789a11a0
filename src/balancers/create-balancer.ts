import { type Clock, systemClock } from "../core/clock.ts";
import { balancerInvalid } from "../core/errors.ts";
import { freshSeed, type Random, seededRandom } from "../core/random.ts";
import type { Flow } from "../net/flow.ts";
import { type BackendSpec, readBackendSpecs } from "./backend-spec.ts";
import { type BackendCounts, BackendTable } from "./backend-table.ts";
import { NO_BACKEND } from "./balancer.ts";
import { type BalancerOptions, resolveBalancerOptions } from "./balancer-options.ts";
import { createClientAffinity } from "./client-affinity.ts";
import type { Explanation } from "./explanation.ts";
import type { AlgorithmName } from "./registry.ts";
import { type BalancerSnapshot, readSnapshot, takeSnapshot } from "./snapshot.ts";

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
  readonly byChance: boolean;
  /** The rule that decides, in one sentence, with its ties. */
  readonly rule: string;
  /** What is looked at, in that order. */
  readonly candidates: readonly BackendCandidate[];
}

export interface BackendCandidate {
  readonly backend: string;
  readonly value: number;
  /** What the value is. */
  readonly meaning: string;
}

/** A balancer that knows its backends by id and counts what it gives away. */
export interface LeasingBalancer {
  readonly algorithm: AlgorithmName;
  /** Picks a backend for a new flow. @returns undefined when no backend may take it. */
  acquire(flow: Flow): Lease | undefined;
  /** Why `acquire` would give what it would give for this flow now. Changes nothing. O(n). */
  explain(flow: Flow): BackendExplanation;
  /**
   * Makes this the list of backends. First those that it does not name are taken out. Then, in the order given, a
   * backend that is there gets its settings where it stands, and a new one goes to the head of the list, so that the
   * last new one ends up first. Leases stay good; a backend that comes back while it has some is counted with them.
   *
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

/**
 * Makes a balancer.
 *
 * @param backends may be empty: then `acquire` gives undefined until `update` names some.
 * @throws {SluiceError} BALANCER_INVALID for an unknown algorithm, for an option or a source that it does not take, and
 *   for what `update` refuses.
 */
export function createBalancer(
  options: BalancerOptions,
  backends: readonly BackendSpec[] = [],
  sources: BalancerSources = {},
): LeasingBalancer {
  const resolved = resolveBalancerOptions(options);
  const { name, algorithm, kernel, affinitySeconds } = resolved;
  const { random, clock } = resolveSources(sources);
  let table = new BackendTable(algorithm, kernel, random);
  let affinity = affinitySeconds > 0 ? createClientAffinity(affinitySeconds) : undefined;

  const remembered = (flow: Flow, nowMs: number): number => {
    const slot = affinity?.find(flow.src, nowMs) ?? NO_BACKEND;
    return slot !== NO_BACKEND && table.admits(slot) ? slot : NO_BACKEND;
  };
  const listedSlot = (id: string): number => {
    const slot = table.slotOf(id);
    if (slot === NO_BACKEND) throw balancerInvalid("id", "the id of a listed backend", id);
    return slot;
  };
  /** @param sinceMs when its flow began. */
  const leaseOf = (slot: number, sinceMs: number): Lease => {
    const owner = table;
    const backend = table.idOf(slot);
    let held = true;
    return {
      backend,
      release(outcome) {
        if (!held || owner !== table) throw balancerInvalid("lease", "a lease that is still held", backend);
        const { latencyMs, failed } = readOutcome(outcome);
        held = false;
        if (table.goesByLatency) {
          const nowMs = clock.nowMs();
          table.observed(slot, latencyMs ?? nowMs - sinceMs, nowMs, failed);
        }
        table.closed(slot);
      },
    };
  };

  table.update(readBackendSpecs(backends));
  return {
    algorithm: name,
    acquire(flow) {
      const nowMs = clock.nowMs();
      let slot = remembered(flow, nowMs);
      if (slot === NO_BACKEND) slot = table.pick(flow, nowMs);
      if (slot === NO_BACKEND) return undefined;
      affinity?.remember(flow.src, slot, nowMs);
      table.opened(slot);
      return leaseOf(slot, nowMs);
    },
    explain(flow) {
      const nowMs = clock.nowMs();
      const slot = remembered(flow, nowMs);
      if (slot === NO_BACKEND) return inTermsOfBackends(table.explain(flow, nowMs), table);
      const rule = `affinity: the backend of this client's last flow, for ${affinitySeconds} s after it`;
      return { backend: table.idOf(slot), byChance: false, rule, candidates: [] };
    },
    update(backends) {
      for (const slot of table.update(readBackendSpecs(backends))) affinity?.forget(slot);
    },
    put(backend) {
      for (const [id, settings] of readBackendSpecs([backend])) table.put(id, settings);
    },
    remove(id) {
      const slot = listedSlot(id);
      table.remove(slot);
      affinity?.forget(slot);
    },
    counts: () => table.counts(),
    probed(id, answer) {
      const slot = listedSlot(id);
      checkNotNegative("inFlight", answer?.inFlight);
      checkNotNegative("latencyMs", answer?.latencyMs);
      table.probed(slot, answer.inFlight, answer.latencyMs, clock.nowMs());
    },
    snapshot: () => takeSnapshot(resolved, table.save(), affinity?.clients(clock.nowMs()) ?? []),
    restore(snapshot) {
      const saved = readSnapshot(resolved, snapshot);
      table = new BackendTable(algorithm, kernel, random, saved.table);
      affinity &&= createClientAffinity(affinitySeconds, saved.clients);
      const nowMs = clock.nowMs();
      return saved.table.backends.flatMap(({ slot, active }) =>
        Array.from({ length: active }, () => leaseOf(slot, nowMs)),
      );
    },
  };
}

function resolveSources(sources: BalancerSources): Required<BalancerSources> {
  for (const [name, value] of Object.entries(sources)) {
    if (name !== "random" && name !== "clock") throw balancerInvalid(name, "no source but random, clock", value);
  }
  const { random = seededRandom(freshSeed()), clock = systemClock } = sources;
  return { random, clock };
}

function readOutcome(outcome: FlowOutcome = {}): { latencyMs: number | undefined; failed: boolean } {
  const { latencyMs, failed = false } = outcome;
  if (latencyMs !== undefined) checkNotNegative("latencyMs", latencyMs);
  if (typeof failed !== "boolean") throw balancerInvalid("failed", "true or false", failed);
  return { latencyMs, failed };
}

function checkNotNegative(path: string, value: unknown): void {
  if (typeof value !== "number" || !(value >= 0 && value < Infinity)) {
    throw balancerInvalid(path, "a number of at least 0", value);
  }
}

function inTermsOfBackends({ slot, rule, candidates }: Explanation, table: BackendTable): BackendExplanation {
  return {
    backend: slot === undefined || slot === NO_BACKEND ? undefined : table.idOf(slot),
    byChance: slot === undefined,
    rule,
    candidates: candidates.map(({ slot, value, meaning }) => ({ backend: table.idOf(slot), value, meaning })),
  };
}
