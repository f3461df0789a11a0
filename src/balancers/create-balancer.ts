import { type Clock, systemClock } from "../core/clock.ts";
import { balancerInvalid } from "../core/errors.ts";
import { freshSeed, type Random, seededRandom } from "../core/random.ts";
import type { Flow } from "../net/flow.ts";
import { type BackendSpec, readBackendSpecs } from "./backend-spec.ts";
import { type BackendCounts, BackendTable } from "./backend-table.ts";
import { NO_BACKEND } from "./balancer.ts";
import { algorithm, type AlgorithmChoice, type AlgorithmName } from "./registry.ts";

/** Which algorithm, with its options. An option that the algorithm does not take is an error. */
export type BalancerOptions = AlgorithmChoice;

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
  /** @throws {SluiceError} BALANCER_INVALID the second time; then nothing is counted. */
  release(): void;
}

/** A balancer that knows its backends by id and counts what it gives away. */
export interface LeasingBalancer {
  readonly algorithm: AlgorithmName;
  /** Picks a backend for a new flow. @returns undefined when no backend may take it. */
  acquire(flow: Flow): Lease | undefined;
  /**
   * Makes this the list of backends. First those that it does not name are taken out. Then, in the order given, a
   * backend that is there gets its weight where it stands, and a new one goes to the head of the list, so that the
   * last new one ends up first. Leases stay good; a backend that comes back while it has some is counted with them.
   *
   * @throws {SluiceError} BALANCER_INVALID, naming the field; then nothing has changed.
   */
  update(backends: readonly BackendSpec[]): void;
  /** The backends in list order, newest first; behind them those that were removed and still have leases. */
  counts(): readonly BackendCounts[];
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
  if (typeof options !== "object" || options === null) throw balancerInvalid("options", "{ algorithm, … }", options);
  const { algorithm: name, ...rest } = options;
  const { random, clock } = resolveSources(sources);
  const table = new BackendTable(algorithm(name, rest), random);
  table.update(readBackendSpecs(backends));
  return {
    algorithm: name,
    acquire(flow) {
      const slot = table.pick(flow, clock.nowMs());
      return slot === NO_BACKEND ? undefined : lease(table, slot);
    },
    update: (backends) => table.update(readBackendSpecs(backends)),
    counts: () => table.counts(),
  };
}

function resolveSources(sources: BalancerSources): Required<BalancerSources> {
  for (const [name, value] of Object.entries(sources)) {
    if (name !== "random" && name !== "clock") throw balancerInvalid(name, "no source but random, clock", value);
  }
  const { random = seededRandom(freshSeed()), clock = systemClock } = sources;
  return { random, clock };
}

function lease(table: BackendTable, slot: number): Lease {
  const backend = table.idOf(slot);
  let held = true;
  table.opened(slot);
  return {
    backend,
    release() {
      if (!held) throw balancerInvalid("lease", "a lease that is still held", backend);
      held = false;
      table.closed(slot);
    },
  };
}
