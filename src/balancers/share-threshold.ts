/** What `-m statistic` compares 31 random bits with: probability 1. */
export const CERTAIN = 2 ** 31;

/**
 * The threshold of a rule that takes one of n equal shares. kube-proxy writes 1/n with ten decimals and iptables
 * rounds that to 31 bits, so the threshold is that of the text, not of 1/n.
 *
 * @param n shares, at least 1.
 */
export function shareThreshold(n: number): number {
  return Math.round((CERTAIN * tenDecimals(n)) / 1e10);
}

/** 10¹⁰/n rounded to a whole number, ties to even as Go prints them: 1/2048 is the one n where that shows. */
export function tenDecimals(n: number): number {
  const exact = 1e10 / n;
  const down = Math.floor(exact);
  const rest = exact - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}
