/** SipHash-c-d under one key: hashes any bytes to 64 bits. Numbers are 32-bit words, signed. */
type SipHash = (bytes: Uint8Array) => { readonly low: number; readonly high: number };

/** The key, 16 bytes: four words, the least significant of each half first. */
export type SipKey = readonly [low0: number, high0: number, low1: number, high1: number];

/**
 * @param compression rounds for each 8 bytes: 1 in SipHash-1-3, 2 in SipHash-2-4.
 * @param finalization rounds at the end: 3 and 4.
 *
 * Each 64-bit word is a pair of 32-bit halves, which is many times as fast as a BigInt. O(bytes).
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012.
 */
export function sipHash(compression: number, finalization: number, key: SipKey): SipHash {
  // "somepseudorandomlygeneratedbytes", as the source has it, under the key.
  const low0 = key[0] ^ 0x70736575;
  const high0 = key[1] ^ 0x736f6d65;
  const low1 = key[2] ^ 0x6e646f6d;
  const high1 = key[3] ^ 0x646f7261;
  const low2 = key[0] ^ 0x6e657261;
  const high2 = key[1] ^ 0x6c796765;
  const low3 = key[2] ^ 0x79746573;
  const high3 = key[3] ^ 0x74656462;

  /** Hashes blocks of two words, the last of which ends in the number of bytes. */
  const digest = (blocks: Int32Array): ReturnType<SipHash> => {
    // v0 = A:a (high:low), v1 = B:b, v2 = C:c, v3 = D:d.
    let a = low0;
    let A = high0;
    let b = low1;
    let B = high1;
    let c = low2;
    let C = high2;
    let d = low3;
    let D = high3;
    let low = 0;
    for (let at = 0; at <= blocks.length; at += 2) {
      const end = at === blocks.length;
      const messageLow = end ? 0 : blocks[at]!;
      const messageHigh = end ? 0 : blocks[at + 1]!;
      d ^= messageLow;
      D ^= messageHigh;
      if (end) c ^= 0xff;
      for (let round = end ? finalization : compression; round > 0; round -= 1) {
        // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
        low = (a + b) | 0;
        A = (A + B + carry(a, low)) | 0;
        a = low;
        low = ((b << 13) | (B >>> 19)) ^ a;
        B = ((B << 13) | (b >>> 19)) ^ A;
        b = low;
        low = A;
        A = a;
        a = low;
        // v2 += v3; v3 <<<= 16; v3 ^= v2
        low = (c + d) | 0;
        C = (C + D + carry(c, low)) | 0;
        c = low;
        low = ((d << 16) | (D >>> 16)) ^ c;
        D = ((D << 16) | (d >>> 16)) ^ C;
        d = low;
        // v0 += v3; v3 <<<= 21; v3 ^= v0
        low = (a + d) | 0;
        A = (A + D + carry(a, low)) | 0;
        a = low;
        low = ((d << 21) | (D >>> 11)) ^ a;
        D = ((D << 21) | (d >>> 11)) ^ A;
        d = low;
        // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
        low = (c + b) | 0;
        C = (C + B + carry(c, low)) | 0;
        c = low;
        low = ((b << 17) | (B >>> 15)) ^ c;
        B = ((B << 17) | (b >>> 15)) ^ C;
        b = low;
        low = C;
        C = c;
        c = low;
      }
      a ^= messageLow;
      A ^= messageHigh;
    }
    return { low: a ^ b ^ c ^ d, high: A ^ B ^ C ^ D };
  };

  return (bytes) => {
    const padded = new Uint8Array((bytes.length & ~7) + 8);
    padded.set(bytes);
    padded[padded.length - 1] = bytes.length;
    const view = new DataView(padded.buffer);
    const blocks = new Int32Array(padded.length / 4);
    for (let at = 0; at < blocks.length; at += 1) blocks[at] = view.getInt32(4 * at, true);
    return digest(blocks);
  };
}

/** What the sum of two low halves carries into the high ones. */
function carry(one: number, sum: number): number {
  return Number(sum >>> 0 < one >>> 0);
}
