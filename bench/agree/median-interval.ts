import type { Interval } from "../../src/measure/intervals.ts";

/**
 * The median of one value a round, and the narrowest pair of the values themselves that holds the true median in at least
 * 95 of 100 experiments, whatever the noise: a neighbour on the machine that stalls a slice makes a ratio of 5 or of 0.2,
 * and a mean would be about him.
 *
 * @param values at least 6, else there is no interval.
 *
 * Source: the sign test; David and Nagaraja, "Order Statistics", 3rd edition, 2003, §7.1.
 */
export function medianInterval(values: readonly number[]): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  const estimate = n === 0 ? undefined : (sorted[Math.floor((n - 1) / 2)]! + sorted[Math.floor(n / 2)]!) / 2;
  const outside = ranksOutside(n);
  if (outside === 0) return { estimate, low: undefined, high: undefined };
  return { estimate, low: sorted[outside - 1], high: sorted[n - outside] };
}

/** How many values may be left out at each end, and one more: the chance that the median lies beyond is 2.5 % at most. */
function ranksOutside(n: number): number {
  let ranks = 0;
  let chance = 0.5 ** n;
  for (let term = chance; chance <= 0.025; chance += term) {
    term = (term * (n - ranks)) / (ranks + 1);
    ranks += 1;
  }
  return ranks;
}
