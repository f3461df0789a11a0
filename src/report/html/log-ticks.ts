/** Which parts of a power of ten have a tick, from few to many. */
const digitSets = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]] as const;
const FEWEST = 3;

/**
 * Ticks of a logarithmic axis: round numbers, at least three wherever the ends are apart, since an axis without two numbers
 * says nothing. Where the ends are so close that powers of ten say too little, even steps between them.
 *
 * @param low above 0. @param high at least `low`. @returns rising, none outside the ends; where both are the same, that one.
 */
export function logTicks(low: number, high: number): number[] {
  if (low === high) return [low];
  for (const digits of digitSets) {
    const ticks = between(low, high, digits);
    if (ticks.length >= FEWEST) return ticks;
  }
  const power = 10 ** Math.floor(Math.log10((high - low) / FEWEST));
  const step = [5, 2, 1].map((digit) => digit * power).find((one) => stepsBetween(low, high, one).length >= FEWEST);
  return stepsBetween(low, high, step ?? power / 2);
}

function between(low: number, high: number, digits: readonly number[]): number[] {
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, at) => first + at);
  const ticks = powers.flatMap((power) => digits.map((digit) => rounded(digit * 10 ** power)));
  return ticks.filter((tick) => tick >= low && tick <= high);
}

function stepsBetween(low: number, high: number, step: number): number[] {
  const first = Math.ceil(low / step);
  const count = Math.max(Math.floor(high / step) - first + 1, 0);
  return Array.from({ length: count }, (_, at) => rounded((first + at) * step));
}

/** Products of powers of ten are off in their last digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
