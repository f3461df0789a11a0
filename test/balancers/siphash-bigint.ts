const MASK = (1n << 64n) - 1n;

/** SipHash-c-d as its paper writes it: whole 64-bit words. */
export function sipHashBigInt(
  compression: number,
  finalization: number,
  [k0, k1]: readonly [bigint, bigint],
  message: Uint8Array,
): bigint {
  let [v0, v1, v2, v3] = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ] as [bigint, bigint, bigint, bigint];
  const rotate = (word: bigint, bits: bigint): bigint => ((word << bits) | (word >> (64n - bits))) & MASK;
  const rounds = (count: number): void => {
    for (let round = 0; round < count; round += 1) {
      v0 = (v0 + v1) & MASK;
      v2 = (v2 + v3) & MASK;
      v1 = rotate(v1, 13n) ^ v0;
      v3 = rotate(v3, 16n) ^ v2;
      v0 = rotate(v0, 32n);
      v2 = (v2 + v1) & MASK;
      v0 = (v0 + v3) & MASK;
      v1 = rotate(v1, 17n) ^ v2;
      v3 = rotate(v3, 21n) ^ v0;
      v2 = rotate(v2, 32n);
    }
  };

  const padded = new Uint8Array((message.length >> 3) * 8 + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 255;
  const words = new BigUint64Array(padded.buffer);
  for (const word of words) {
    v3 ^= word;
    rounds(compression);
    v0 ^= word;
  }
  v2 ^= 0xffn;
  rounds(finalization);
  return v0 ^ v1 ^ v2 ^ v3;
}
