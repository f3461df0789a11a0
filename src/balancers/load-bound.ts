import { balancerInvalid } from "../core/errors.ts";
import { type BackendSet, holds, listed, usable } from "./backend-set.ts";
import { choiceOption, type OptionReader, type OptionReaders } from "./definition.ts";
import { type FlowKey, flowKeys } from "./flow-hash.ts";
import { standing } from "./standing.ts";

/**
 * Bounded loads: which backends may take one more flow when none may have much more than its share. Whoever hashes flows
 * to backends passes over the others.
 *
 * One definition for all: with b the factor in percent, a backend of weight w may have up to
 * ⌈(total + 1) × b/100 × w / sum of the weights⌉ active connections; total and sum are those of all usable backends.
 * As these add up to more than the total, somebody always has room. Inactive connections do not count, so UDP is not
 * bounded.
 *
 * Source: Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018, with weights. HAProxy's
 * hash-balance-factor rounds the total, not each share, and Envoy's hash_balance_factor tries backends in an order drawn
 * from the hash, where we go on to the next.
 */
export interface LoadBound {
  /** Whether any slot may take one more flow. O(1). */
  admitsAny(): boolean;
  /** Whether a listed slot may take one more flow. O(1). */
  admits(slot: number): boolean;
  /** Whether it does, in words. */
  standing(slot: number): string;
  /** After its load, its weight or its place in the list changed. O(1). */
  changed(slot: number): void;
  /** Before it leaves the list. O(1). */
  removing(slot: number): void;
  /** O(n). */
  rebuild(): void;
}

/** Options of all algorithms that hash flows to backends and heed bounds. */
export interface FlowHashOptions {
  /**
   * What of a flow is hashed: the client's address, that with its port, the address asked for, or the whole 5-tuple.
   * @default "source"
   */
  readonly flowKey?: FlowKey;
  /**
   * How much of its share of all active connections a backend may have, in percent: a whole number in 100…100000; 0: any.
   * @default 0
   */
  readonly hashBalanceFactor?: number;
}

const hashBalanceFactorOption: OptionReader<number> = (value, path) => {
  if (value === undefined) return 0;
  if (Number.isInteger(value) && (value === 0 || ((value as number) >= 100 && (value as number) <= 100_000))) {
    return value as number;
  }
  throw balancerInvalid(path, "0 or a whole number in 100…100000", value);
};

export const flowHashOptions: OptionReaders<FlowHashOptions> = {
  flowKey: choiceOption("source", flowKeys),
  hashBalanceFactor: hashBalanceFactorOption,
};

/** Two doubles in front: the total, and the sum of the weights. */
const HEADER = 4;
/** Words a slot: what of its load and of its weight is counted. */
const STRIDE = 2;

export function loadBoundWords(capacity: number): number {
  return HEADER + STRIDE * capacity;
}

/**
 * @param first the first of its words in the state: even. A function, as it may lie elsewhere after a rebuild.
 * @param factor in percent; 0: no bound.
 */
export function loadBound(set: BackendSet, state: Int32Array, first: () => number, factor: number): LoadBound {
  const { active, weight } = set;
  const doubles = new Float64Array(state.buffer, state.byteOffset, state.length >> 1);
  const count = (slot: number, load: number, share: number): void => {
    const at = first() + HEADER + STRIDE * slot;
    doubles[first() >> 1]! += load - state[at]!;
    doubles[(first() >> 1) + 1]! += share - state[at + 1]!;
    state[at] = load;
    state[at + 1] = share;
  };
  const changed = (slot: number): void => {
    if (holds(set, slot) && usable(set, slot)) count(slot, active[slot]!, weight[slot]!);
    else count(slot, 0, 0);
  };
  /** load + 1 ≤ ⌈x⌉ ⇔ load < x for whole loads: exact as long as both products stay below 2⁵³. */
  const hasRoom = (slot: number): boolean =>
    active[slot]! * 100 * doubles[(first() >> 1) + 1]! < (doubles[first() >> 1]! + 1) * factor * weight[slot]!;

  return {
    admitsAny: () => doubles[(first() >> 1) + 1]! > 0,
    admits: (slot) => usable(set, slot) && (factor === 0 || hasRoom(slot)),
    standing(slot) {
      if (!usable(set, slot) || factor === 0 || hasRoom(slot)) return standing(set, slot);
      return `has its bound of ${active[slot]} active connections`;
    },
    changed,
    removing: (slot) => count(slot, 0, 0),
    rebuild() {
      state.fill(0, first(), first() + loadBoundWords(set.capacity));
      for (const slot of listed(set)) changed(slot);
    },
  };
}
