import type { BackendSet } from "../../src/balancers/backend-set.ts";
import { listed } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { Flow } from "../../src/net/flow.ts";
import { shareThreshold } from "../../src/modes/iptables/probability.ts";
import { destinationHashing, maglevHashing, sourceHashing } from "./hash-oracles.ts";
import { localityBased, localityBasedReplicated } from "./locality-oracles.ts";
import { proxyOracles } from "./proxy-oracles.ts";

/** An algorithm as its source says it: a scan of the list, with exact arithmetic. It keeps what it needs to itself. */
export interface Oracle {
  pick(flow: Flow, nowMs: number): number;
  /** Before a slot leaves the list. */
  removing?(slot: number): void;
  /** After the list changed, or a weight or a threshold was set, also to what it was. */
  edited?(): void;
  /** After anything changed. */
  done?(): void;
}

/** @param perActive what an active connection weighs against an inactive one: 257, in kernel 6.1.176 256. */
type LiteralForm = (set: BackendSet, seed: number, perActive?: bigint) => Oracle;

export const oracles: Readonly<Record<string, LiteralForm>> = {
  ...proxyOracles,
  rr: inTurn,
  userspace: inRandomOrder,
  random: (set, seed) => {
    const source = seededRandom(seed);
    return {
      pick() {
        const choices = listed(set).filter((slot) => usable(set, slot));
        if (choices.length === 0) return NO_BACKEND;
        // Linux's reciprocal_scale.
        return choices[Number((BigInt(source.u32()) * BigInt(choices.length)) >> 32n)]!;
      },
    };
  },
  "iptables-random": (set, seed) => {
    const source = seededRandom(seed);
    return {
      pick() {
        const rules = listed(set)
          .filter((slot) => usable(set, slot))
          .reverse();
        if (rules.length === 0) return NO_BACKEND;
        const draw = (BigInt(source.u32() >>> 5) << 26n) + BigInt(source.u32() >>> 6);
        // The chance to get behind the rules so far, in units of 2⁻⁵³ · 2⁻³¹ for each of them.
        let reached = 1n << 53n;
        return rules.find((_, rule) => {
          const left = rules.length - rule;
          reached *= left === 1 ? 0n : (1n << 31n) - BigInt(shareThreshold(left));
          return draw << (31n * BigInt(rule + 1)) >= reached;
        })!;
      },
    };
  },
  wrr: weightedPasses,
  lc: (set, _seed, perActive) => firstLeast(set, (slot) => [overhead(set, slot, perActive), 1n]),
  wlc: (set, _seed, perActive) =>
    firstLeast(set, (slot) => [overhead(set, slot, perActive), BigInt(set.weight[slot]!)]),
  sed: (set) => firstLeast(set, (slot) => [BigInt(set.active[slot]!) + 1n, BigInt(set.weight[slot]!)]),
  nq: (set) => {
    const sed = firstLeast(set, (slot) => [BigInt(set.active[slot]!) + 1n, BigInt(set.weight[slot]!)]);
    return {
      pick: (flow, nowMs) =>
        listed(set).find((slot) => usable(set, slot) && set.active[slot] === 0) ?? sed.pick(flow, nowMs),
    };
  },
  sh: (set) => sourceHashing(set, { port: false, fallback: false }),
  dh: destinationHashing,
  mh: (set) => maglevHashing(set, { port: false, fallback: false }, 12),
  lblc: (set, _seed, perActive) => localityBased(set, 86_400_000, Number(perActive ?? 257n)),
  lblcr: (set, _seed, perActive) => localityBasedReplicated(set, 86_400_000, Number(perActive ?? 257n)),
  fo: (set) => firstHeaviest(set, (slot) => usable(set, slot)),
  ovf: (set) => firstHeaviest(set, (slot) => usable(set, slot) && set.active[slot]! <= set.weight[slot]!),
  twos: (set, seed, perActive) => {
    const source = seededRandom(seed);
    const walk = (draw: number): number => {
      let rest = draw;
      return listed(set).find((slot) => usable(set, slot) && (rest -= set.weight[slot]!) <= 0)!;
    };
    return {
      pick() {
        const slots = listed(set).filter((slot) => usable(set, slot));
        if (slots.length === 0) return NO_BACKEND;
        const weights = slots.reduce((total, slot) => total + set.weight[slot]!, 0);
        const [first, second] = [walk(source.below(weights + 1)), walk(source.below(weights + 1))];
        const [one, other] = [first, second].map((slot) => overhead(set, slot, perActive)) as [bigint, bigint];
        return one * BigInt(set.weight[second]!) > other * BigInt(set.weight[first]!) ? second : first;
      },
    };
  },
};

function usable(set: BackendSet, slot: number): boolean {
  return set.weight[slot]! > 0 && set.overloaded[slot] === 0;
}

function overhead(set: BackendSet, slot: number, perActive = 257n): bigint {
  return perActive * BigInt(set.active[slot]!) + BigInt(set.inactive[slot]!);
}

/** Of rr. */
function inTurn(set: BackendSet): Oracle {
  let last: number | undefined;
  return {
    pick() {
      const list = listed(set);
      const at = last === undefined ? -1 : list.indexOf(last);
      const turn = [...list.slice(at + 1), ...list.slice(0, at + 1)];
      const found = turn.find((slot) => usable(set, slot));
      last = found ?? last;
      return found ?? NO_BACKEND;
    },
    removing(slot) {
      const list = listed(set);
      if (last === slot) last = list[list.indexOf(slot) - 1];
    },
  };
}

/** Of userspace: a new list of turns after each change of the set, each turn drawn when it comes to it. */
function inRandomOrder(set: BackendSet, seed: number): Oracle {
  const source = seededRandom(seed);
  let waiting: number[] = [];
  let order: number[] = [];
  /** How many of the order had their turn. */
  let served = 0;
  const restart = (): void => {
    waiting = [...order, ...waiting];
    order = [];
    served = 0;
  };
  const draw = (): void => {
    const index = source.below(waiting.length);
    order.push(waiting[index]!);
    // The first of those that wait takes the place of the one drawn.
    waiting[index] = waiting[0]!;
    waiting.shift();
  };
  return {
    pick() {
      for (let left = order.length + waiting.length, at = served; left > 0; left -= 1) {
        if (at === order.length && waiting.length > 0) draw();
        if (at === order.length) at = 0;
        const slot = order[at]!;
        at += 1;
        if (!usable(set, slot)) continue;
        served = at;
        return slot;
      }
      return NO_BACKEND;
    },
    removing(slot) {
      restart();
      // The last one takes its place.
      waiting[waiting.indexOf(slot)] = waiting.at(-1)!;
      waiting.pop();
    },
    edited() {
      const added = listed(set).filter((slot) => !order.includes(slot) && !waiting.includes(slot));
      if (added.length > 0) restart();
      waiting.push(...added);
    },
  };
}

/** Of wrr: one pass after another along the list. */
function weightedPasses(set: BackendSet): Oracle {
  /** `undefined`: the head of the list. */
  let last: number | undefined;
  const weights = (): number[] => listed(set).map((slot) => set.weight[slot]!);
  const divisor = (): number => weights().reduce(gcd, 0) || 1;
  const top = (): number => Math.max(...weights(), 0) - (divisor() - 1);
  let current = top();

  return {
    pick() {
      if (top() === 0) return NO_BACKEND;
      const start = last;
      let fromHead = false;
      let lastPass = false;
      let restarted = false;
      for (;;) {
        const list = listed(set);
        const rest = fromHead || start === undefined ? list : list.slice(list.indexOf(start) + 1);
        for (const slot of rest) {
          if (set.overloaded[slot] === 0 && set.weight[slot]! >= current) return (last = slot);
          if (lastPass && restarted && slot === start) return NO_BACKEND;
        }
        fromHead = true;
        current -= divisor();
        if (current <= 0) {
          current = top();
          if (lastPass || start === undefined) {
            last = undefined;
            return NO_BACKEND;
          }
          restarted = true;
        }
        lastPass = current <= divisor();
      }
    },
    edited() {
      last = undefined;
      if (current > top() || current === 0) current = top();
      else if (divisor() > 1) current = Math.floor(current / divisor()) * divisor() + 1;
    },
  };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** The first admitted slot in the list that no other outweighs. */
function firstHeaviest(set: BackendSet, admits: (slot: number) => boolean): Oracle {
  return {
    pick() {
      const slots = listed(set).filter(admits);
      return slots.find((slot) => slots.every((other) => set.weight[other]! <= set.weight[slot]!)) ?? NO_BACKEND;
    },
  };
}

/** The first usable slot in the list whose fraction no other undercuts. */
function firstLeast(set: BackendSet, fraction: (slot: number) => readonly [bigint, bigint]): Oracle {
  return {
    pick() {
      let best = NO_BACKEND;
      for (const slot of listed(set)) {
        if (!usable(set, slot)) continue;
        const [load, weight] = fraction(slot);
        const [bestLoad, bestWeight] = best === NO_BACKEND ? [1n, 0n] : fraction(best);
        if (load * bestWeight < bestLoad * weight) best = slot;
      }
      return best;
    },
  };
}
