/** The 97.5 % point of the normal distribution. */
const Z = 1.959963984540054;
const SERIES = [
  (Z ** 3 + Z) / 4,
  (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / 96,
  (3 * Z ** 7 + 19 * Z ** 5 + 17 * Z ** 3 - 15 * Z) / 384,
  (79 * Z ** 9 + 776 * Z ** 7 + 1482 * Z ** 5 - 1920 * Z ** 3 - 945 * Z) / 92_160,
] as const;

/**
 * The 97.5 % point of Student's t: half the width of a 95 % interval, in standard errors.
 *
 * @param degrees of freedom, 4 or more: there the series is true to one part in a thousand.
 *
 * Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5.
 */
export function studentT(degrees: number): number {
  return SERIES.reduce((t, term, power) => t + term / degrees ** (power + 1), Z);
}
