/** The last so many of a run of numbers, and any quantile of them, in shared state. */
export interface RecentQuantile {
  /** O(length). */
  add(number: number): void;
  /**
   * The smallest number that at least a share of them does not exceed; the smallest of all for a share of 0.
   *
   * @param share 0…1.
   * @returns undefined as long as there is none. O(1).
   */
  quantile(share: number): number | undefined;
}

/** Two words in front: how many there were, up to twice the length; the rest of it tells where the next one goes. */
const ADDED = 0;
const HEADER = 2;

/** @param length how many are remembered. */
export function recentQuantileWords(length: number): number {
  return HEADER + 2 * length;
}

/** Numbers are whole, of 32 bits with sign: in the order in which they came, and behind that ascending. */
export function recentQuantile(state: Int32Array, length: number): RecentQuantile {
  const recent = state.subarray(HEADER, HEADER + length);
  const sorted = state.subarray(HEADER + length, HEADER + 2 * length);
  const held = (): number => Math.min(state[ADDED]!, length);

  return {
    add(number) {
      const before = held();
      const at = state[ADDED]! % length;
      if (before === length) sorted.copyWithin(sorted.indexOf(recent[at]!), sorted.indexOf(recent[at]!) + 1);
      let place = Math.min(before, length - 1);
      for (; place > 0 && sorted[place - 1]! > number; place -= 1) sorted[place] = sorted[place - 1]!;
      sorted[place] = number;
      recent[at] = number;
      state[ADDED]! += 1;
      if (state[ADDED] === 2 * length) state[ADDED] = length;
    },
    quantile(share) {
      const count = held();
      return count === 0 ? undefined : sorted[Math.max(0, Math.ceil(share * count) - 1)];
    },
  };
}
