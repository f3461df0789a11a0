const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** Base32 of ten bits: two characters. */
const PAIRS: readonly string[] = Array.from({ length: 1024 }, (_, i) => ALPHABET[i >>> 5]! + ALPHABET[i & 31]!);

/**
 * Base32 (RFC 4648) of five bytes: eight characters.
 *
 * @param bytes as a number below 2⁴⁰, the first byte the highest.
 */
export function base32(bytes: number): string {
  const high = Math.floor(bytes / 2 ** 20);
  const low = bytes % 2 ** 20;
  return PAIRS[high >>> 10]! + PAIRS[high & 1023]! + PAIRS[low >>> 10]! + PAIRS[low & 1023]!;
}
