/**
 * Multiply-shift hashing as Linux's `hash_32` does it: the top bits of the product with 2³² divided by the square of
 * the golden ratio.
 *
 * @param bits 1…32. @returns a whole number in [0, 2^bits).
 */
export function multiplyShift(word: number, bits: number): number {
  return Math.imul(word, 0x61c88647) >>> (32 - bits);
}
