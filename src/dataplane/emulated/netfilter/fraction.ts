/** An exact number: `num` / `den` in lowest terms, `den` above 0. */
export interface Fraction {
  readonly num: bigint;
  readonly den: bigint;
}

export const ONE: Fraction = Object.freeze({ num: 1n, den: 1n });
export const ZERO: Fraction = Object.freeze({ num: 0n, den: 1n });

/** How near a number has to be to 1/n to be called so: half of what `-m statistic` can tell apart, doubled. */
const NEAR_BITS = 30n;

/** @param den not 0. */
export function fraction(num: bigint | number, den: bigint | number): Fraction {
  const [n, d] = [BigInt(num), BigInt(den)];
  const sign = d < 0n ? -1n : 1n;
  const common = gcd(n < 0n ? -n : n, d * sign);
  return { num: (n * sign) / common, den: (d * sign) / common };
}

function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a === 0n ? 1n : a;
}

export function times(a: Fraction, b: Fraction): Fraction {
  if (isOne(a)) return b;
  return isOne(b) ? a : fraction(a.num * b.num, a.den * b.den);
}

export function plus(a: Fraction, b: Fraction): Fraction {
  return fraction(a.num * b.den + b.num * a.den, a.den * b.den);
}

/** 1 - a. */
export function rest(a: Fraction): Fraction {
  return fraction(a.den - a.num, a.den);
}

export function isZero({ num }: Fraction): boolean {
  return num === 0n;
}

function isOne({ num, den }: Fraction): boolean {
  return num === den;
}

export function sameFraction(a: Fraction, b: Fraction): boolean {
  return a.num === b.num && a.den === b.den;
}

/** The nearest 1/n or 1 - 1/n where the number is within 2⁻³⁰ of it; else the number itself. */
export function nearUnit(a: Fraction): Fraction {
  return nearReciprocal(a) ?? flip(nearReciprocal(rest(a))) ?? a;
}

/** The nearest 1/n where the number is within 2⁻³⁰ of it; 0 and 1 are themselves. */
export function nearReciprocal(a: Fraction): Fraction | undefined {
  if (isZero(a) || isOne(a)) return a;
  if (a.num < 0n) return undefined;
  const unit = fraction(1n, (2n * a.den + a.num) / (2n * a.num));
  return isNear(a, unit) ? unit : undefined;
}

/** Whether two numbers are at most 2⁻³⁰ apart. */
export function isNear(a: Fraction, b: Fraction): boolean {
  const gap = a.num * b.den - b.num * a.den;
  return (gap < 0n ? -gap : gap) << NEAR_BITS <= a.den * b.den;
}

function flip(a: Fraction | undefined): Fraction | undefined {
  return a === undefined ? undefined : rest(a);
}

/** `1/3`; a whole number stands alone. */
export function formatFraction({ num, den }: Fraction): string {
  return den === 1n ? String(num) : `${num}/${den}`;
}

/** As a plain number, for sorting and for percent. */
export function toNumber({ num, den }: Fraction): number {
  return Number((num << 64n) / den) / 2 ** 64;
}
