/** What `-m statistic` compares 31 random bits with: probability 1. */
export const CERTAIN = 2 ** 31;

/**
 * The threshold of a rule that takes one of n equal shares. kube-proxy writes 1/n with ten decimals and iptables
 * rounds that to 31 bits, so the threshold is that of the text, not of 1/n.
 *
 * @param n shares, at least 1.
 */
export function shareThreshold(n: number): number {
  return Math.round((CERTAIN * wholeTenths(n)) / 1e10);
}

/**
 * The probability as kube-proxy writes it: 1/n with ten decimals where the threshold is that of some n, and otherwise
 * as many decimals as iptables-save prints.
 */
export function writtenProbability(threshold: number): string {
  const n = Math.round(CERTAIN / threshold);
  if (threshold === 0 || shareThreshold(n) !== threshold) return savedProbability(threshold);
  const digits = String(wholeTenths(n)).padStart(11, "0");
  return `${digits.slice(0, -10)}.${digits.slice(-10)}`;
}

/** The probability as iptables-save prints it: eleven decimals, ties to even as in C. */
export function savedProbability(threshold: number): string {
  const scaled = BigInt(threshold) * 10n ** 11n;
  const whole = scaled >> 31n;
  const rest = scaled & 0x7fff_ffffn;
  const half = 0x4000_0000n;
  const up = rest > half || (rest === half && (whole & 1n) === 1n);
  const digits = String(up ? whole + 1n : whole).padStart(12, "0");
  return `${digits.slice(0, -11)}.${digits.slice(-11)}`;
}

/** 10¹⁰/n rounded to a whole number, ties to even as Go prints them: 1/2048 is the one n where that shows. */
function wholeTenths(n: number): number {
  const exact = 1e10 / n;
  const down = Math.floor(exact);
  const rest = exact - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}
