import { chiSquareTail, logGamma } from "./chi-square.ts";

/** Up to so many flows, and so few a backend, the exact distribution is worked out; beyond, chi-square is close to it. */
const MOST_EXACT_FLOWS = 40;
const FEW_PER_BACKEND = 5;

/**
 * The chance that flows which choose their backends at random, each backend equally likely, come out at least as uneven
 * as these counts (by the sum of squares).
 *
 * @param counts flows of each backend. @returns 0…1; 1 where there is nothing to be uneven.
 */
export function chanceOfUneven(counts: readonly number[]): number {
  const flows = counts.reduce((sum, count) => sum + count, 0);
  const backends = counts.length;
  if (backends < 2 || flows === 0) return 1;
  const squares = counts.reduce((sum, count) => sum + count * count, 0);
  if (flows <= MOST_EXACT_FLOWS && flows < FEW_PER_BACKEND * backends) return exactTail(flows, backends, squares);
  return chiSquareTail((squares * backends) / flows - flows, backends - 1);
}

/**
 * P(sum of squares ≥ `squares`) under the uniform multinomial. Backends take their flows one after the other: of r
 * flows left, a backend with c − 1 others behind it gets Binomial(r, 1/c). O(backends × flows⁴) at worst.
 */
function exactTail(flows: number, backends: number, squares: number): number {
  // A state is (flows taken, sum of their squares).
  const width = flows * flows + 1;
  let chance = new Float64Array((flows + 1) * width);
  chance[0] = 1;
  for (let left = backends; left > 0; left -= 1) {
    const next = new Float64Array(chance.length);
    for (let taken = 0; taken <= flows; taken += 1) {
      const takes = binomials(flows - taken, 1 / left);
      for (let sum = 0; sum <= taken * taken; sum += 1) {
        const p = chance[taken * width + sum]!;
        if (p === 0) continue;
        for (let take = 0; take < takes.length; take += 1) {
          next[(taken + take) * width + sum + take * take]! += p * takes[take]!;
        }
      }
    }
    chance = next;
  }
  let tail = 0;
  for (let sum = squares; sum < width; sum += 1) tail += chance[flows * width + sum]!;
  return Math.min(tail, 1);
}

/** P(k successes in n tries) for k = 0…n. */
function binomials(n: number, p: number): Float64Array {
  return Float64Array.from({ length: n + 1 }, (_, k) => {
    if (p === 1) return k === n ? 1 : 0;
    const ways = logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
    return Math.exp(ways + k * Math.log(p) + (n - k) * Math.log1p(-p));
  });
}
