import type { Lock } from "../../core/lock.ts";
import { seededRandom } from "../../core/random.ts";
import { createPoolKeeper, type PoolKeeper } from "../emulated/pools.ts";
import type { EngineName } from "./choose-engine.ts";
import { buryGauges, type Counters, createCounterMemory, sumCounters } from "./counters.ts";
import { controlOwner, createSeats, leaveSeat, sharedLock, takeSeat } from "./lock.ts";
import type { WorkerStart } from "./messages.ts";
import type { ResolvedWorkersOptions } from "./options.ts";
import { policyOf } from "./policy.ts";
import { createListRegistry, createRecentMemory, type ListNumbers } from "./recent-lists.ts";

/** All that workers share, as the control thread holds it. */
export interface SharedMemory {
  readonly pools: PoolKeeper;
  /** Numbers the recent lists that are in force from now on, and forgets the others. */
  retainLists(names: ReadonlySet<string>): ListNumbers;
  /** What the next thread of a seat is started with. @param life 0, 1, … */
  startOf(seat: number, life: number): WorkerStart;
  /** Takes a dead thread out of everything that is counted. @returns how many TCP connections died with it. */
  bury(seat: number): number;
  counters(): Counters;
}

/** @param engine what the workers move bytes with. */
export function createSharedMemory(options: ResolvedWorkersOptions, engine: EngineName): SharedMemory {
  const { workers, seed, mapEndpoint, backlog, maxUdpFlows } = options;
  const seats = createSeats(workers);
  const lockOf = (memory: ArrayBufferLike): Lock => sharedLock(memory, seats, controlOwner(seats));
  const counters = Array.from({ length: workers }, createCounterMemory);
  const recent = createRecentMemory();
  const recentLock = lockOf(recent);
  const registry = createListRegistry(recent);
  const pools = createPoolKeeper({ threads: workers, shared: true, random: seededRandom(seed), lockOf });
  return {
    pools,
    retainLists(names) {
      recentLock.acquire();
      try {
        return registry.retain(names);
      } finally {
        recentLock.release();
      }
    },
    startOf(seat, life) {
      const owner = takeSeat(seats, seat, life);
      return {
        seat,
        owner,
        seats: seats.words,
        counters: counters[seat]!,
        recent,
        // No two threads draw the same numbers, nor the same as the keeper.
        seed: (seed + owner) % 2 ** 32,
        engine,
        mapEndpoint,
        policy: policyOf("iptables", options),
        backlog,
        maxUdpFlows,
      };
    },
    bury(seat) {
      leaveSeat(seats, seat);
      pools.bury(seat);
      return buryGauges(counters[seat]!);
    },
    counters: () => sumCounters(counters),
  };
}
