/** A keeper of pools and the views of its threads. */
import { listed } from "../../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../../src/balancers/balancer.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { BackendPool } from "../../../src/dataplane/emulated/backend-pool.ts";
import { createPoolViews, type PoolViews } from "../../../src/dataplane/emulated/pool-views.ts";
import { createPoolKeeper, type PoolEntry, type PoolKeeper } from "../../../src/dataplane/emulated/pools.ts";
import type { Program } from "../../../src/modes/program.ts";
import { formatSocketAddr } from "../../../src/net/flow.ts";
import { flow, ipvs } from "./literals.ts";

/** Where the only service of a test is, and the key of its virtual server. */
export const at = "10.96.0.1:80";
export const key = `${at}/TCP`;

/** Server n, as `ipvs` of the literals takes it. */
export function server(n: number, weight = 1): string {
  return `10.0.0.${n}:80 ${weight}`;
}

export function servers(...numbers: readonly number[]): readonly string[] {
  return numbers.map((n) => server(n));
}

/** A keeper and the views of its threads; each apply goes the whole way, as in the workers dataplane. */
export class Pools {
  readonly keeper: PoolKeeper;
  readonly views: readonly PoolViews[];
  entries: readonly PoolEntry[] = [];

  constructor(threads = 1, shared = false) {
    this.keeper = createPoolKeeper({ threads, shared, random: seededRandom(5) });
    this.views = Array.from({ length: threads }, (_, thread) =>
      createPoolViews({ thread, random: seededRandom(thread) }),
    );
  }

  apply(program: Program): this {
    this.entries = this.keeper.prepare(program);
    for (const views of this.views) views.use(this.entries);
    this.keeper.commit();
    return this;
  }

  ipvs(behind: readonly string[], options: Parameters<typeof ipvs>[1] = {}): this {
    return this.apply(ipvs({ [at]: behind }, options));
  }

  pool(name = key, thread = 0): BackendPool {
    return this.views[thread]!.pool(name)!.pool;
  }

  /** The numbers of the servers in list order, as `thread` sees them. */
  list(name = key, thread = 0): number[] {
    const { pool, addrs } = this.views[thread]!.pool(name)!;
    return listed(pool.set).map((slot) => numberOf(addrs[slot]));
  }

  /** Opens a connection. @returns the number of the server and the slot. */
  open(name = key, thread = 0): { readonly number: number; readonly slot: number } {
    const { pool, addrs } = this.views[thread]!.pool(name)!;
    const slot = pool.choose(flow("10.244.1.9", at), 0, false);
    return { slot, number: slot === NO_BACKEND ? 0 : numberOf(addrs[slot]) };
  }

  entry(name = key): PoolEntry {
    return this.entries.find((entry) => entry.key === name)!;
  }

  /** Active and inactive connections of a server in the list. */
  counts(number: number): readonly [number, number] {
    const { pool, addrs } = this.views[0]!.pool(key)!;
    const slot = listed(pool.set).find((one) => numberOf(addrs[one]) === number)!;
    return [pool.set.active[slot]!, pool.set.inactive[slot]!];
  }
}

export function numberOf(addr: PoolEntry["addrs"][number]): number {
  return Number(/\.(\d+):/.exec(formatSocketAddr(addr!))![1]);
}
