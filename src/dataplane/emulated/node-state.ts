import type { Clock } from "../../core/clock.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import type { Program } from "../../modes/program.ts";
import { viewPool } from "./backend-pool.ts";
import type { DecisionState, RecentLists, ServicePool } from "./decider.ts";
import { everyRule } from "./every-rule.ts";
import { createPoolViews } from "./pool-views.ts";
import type { PoolEntry } from "./pools.ts";
import { createRecentLists } from "./recent-lists.ts";

/** What the decisions of one emulated node rest on. */
export interface NodeState {
  /** For deciders: always what is in force now. */
  readonly decisions: DecisionState;
  /** Takes in the pools and lists of a program; those of the program before that it does not have are gone. */
  use(program: Program, pools: readonly PoolEntry[]): void;
  /** Runs `work`, whose decisions find everything as it is now and leave nothing changed. @param random to draw from. */
  aside<T>(random: Random, work: () => T): T;
}

interface Sources {
  readonly random: Random;
  readonly recent: RecentLists;
  pool(key: string): ServicePool | undefined;
}

export function createNodeState(random: Random, clock: Clock): NodeState {
  const recent = createRecentLists();
  const views = createPoolViews({ thread: 0, random });
  let entries: ReadonlyMap<string, PoolEntry> = new Map();
  const own: Sources = { random, recent, pool: (key) => views.pool(key) };
  let now = own;
  return {
    decisions: {
      clock,
      get random() {
        return now.random;
      },
      get recent() {
        return now.recent;
      },
      pool: (key) => now.pool(key),
    },
    use(program, pools) {
      views.use(pools);
      entries = new Map(pools.map((entry) => [entry.key, entry]));
      recent.retain(recentLists(program));
    },
    aside(source, work) {
      const copies = new Map<string, ServicePool>();
      now = { random: source, recent: recent.fork(), pool: (key) => copied(copies, entries, key) };
      try {
        return work();
      } finally {
        now = own;
      }
    },
  };
}

function copied(
  copies: Map<string, ServicePool>,
  entries: ReadonlyMap<string, PoolEntry>,
  key: string,
): ServicePool | undefined {
  const entry = entries.get(key);
  if (entry === undefined || copies.has(key)) return copies.get(key);
  const pool = viewPool(entry.memory.slice(0), entry.layout, 0, seededRandom(0));
  copies.set(key, { pool, addrs: entry.addrs });
  return copies.get(key);
}

/** The lists of clients that the rules of a program name: of `-m recent`, and sets that packets change. */
export function recentLists(program: Program): ReadonlySet<string> {
  const names = new Set<string>();
  if (program.mode === "nftables") {
    for (const { sets } of program.ruleset.tables) {
      for (const { name, flags } of sets) if (flags.includes("dynamic")) names.add(name);
    }
  }
  if (program.mode !== "iptables") return names;
  for (const { matches } of everyRule(program.rulesets)) {
    for (const match of matches) {
      if (match.kind === "recent-set" || match.kind === "recent-check") names.add(match.list);
    }
  }
  return names;
}
