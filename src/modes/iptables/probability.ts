import { CERTAIN, shareThreshold, tenDecimals } from "../../balancers/share-threshold.ts";

export { CERTAIN, shareThreshold };

/**
 * The probability as kube-proxy writes it: 1/n with ten decimals where the threshold is that of some n, and otherwise
 * as many decimals as iptables-save prints.
 */
export function writtenProbability(threshold: number): string {
  const n = Math.round(CERTAIN / threshold);
  if (threshold === 0 || shareThreshold(n) !== threshold) return savedProbability(threshold);
  const digits = String(tenDecimals(n)).padStart(11, "0");
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
