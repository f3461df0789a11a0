/**
 * MurmurHash3 (Austin Appleby; the x86 variant of 32 bits) over whole words, without an allocation: absorb each word
 * into a seed, then finish. All numbers are signed: an engine keeps such a number without allocating, half of the
 * unsigned ones it does not.
 */

/** Takes one more word into a hash. @param hash a seed, or what the last call gave. */
export function absorb(hash: number, word: number): number {
  let mixed = Math.imul(word, 0xcc9e2d51);
  mixed = (mixed << 15) | (mixed >>> 17);
  const taken = hash ^ Math.imul(mixed, 0x1b873593);
  return (Math.imul((taken << 13) | (taken >>> 19), 5) + 0xe6546b64) | 0;
}

/** The hash of what was absorbed. @param words how many that were. */
export function finish(hash: number, words: number): number {
  return mix32(hash ^ (words * 4));
}

/** Spreads all 32 bits over all 32: the finaliser of MurmurHash3, one to one. */
export function mix32(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
