import type { BackendSet } from "../../src/balancers/backend-set.ts";
import { listed } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { seededRandom } from "../../src/core/random.ts";

/** An algorithm as its source says it: a scan of the list, with exact arithmetic. It keeps what it needs to itself. */
export interface Oracle {
  pick(): number;
  /** Before a slot leaves the list. */
  removing?(slot: number): void;
}

export const oracles: Readonly<Record<string, (set: BackendSet, seed: number) => Oracle>> = {
  rr: (set) => {
    let last: number | undefined;
    return {
      pick() {
        const list = listed(set);
        const at = last === undefined ? -1 : list.indexOf(last);
        const inTurn = [...list.slice(at + 1), ...list.slice(0, at + 1)];
        const found = inTurn.find((slot) => set.weight[slot]! > 0);
        last = found ?? last;
        return found ?? NO_BACKEND;
      },
      removing(slot) {
        const list = listed(set);
        if (last === slot) last = list[list.indexOf(slot) - 1];
      },
    };
  },
  random: (set, seed) => {
    const source = seededRandom(seed);
    return {
      pick() {
        const choices = listed(set).filter((slot) => set.weight[slot]! > 0);
        return choices.length === 0 ? NO_BACKEND : choices[source.below(choices.length)]!;
      },
    };
  },
  lc: (set) => firstLeast(set, (slot) => [257n * BigInt(set.active[slot]!) + BigInt(set.inactive[slot]!), 1n]),
  sed: (set) => firstLeast(set, (slot) => [BigInt(set.active[slot]!) + 1n, BigInt(set.weight[slot]!)]),
};

/** The first usable slot in the list whose fraction no other undercuts. */
function firstLeast(set: BackendSet, fraction: (slot: number) => readonly [bigint, bigint]): Oracle {
  return {
    pick() {
      let best = NO_BACKEND;
      for (const slot of listed(set)) {
        if (set.weight[slot] === 0) continue;
        const [load, weight] = fraction(slot);
        const [bestLoad, bestWeight] = best === NO_BACKEND ? [1n, 0n] : fraction(best);
        if (load * bestWeight < bestLoad * weight) best = slot;
      }
      return best;
    },
  };
}
