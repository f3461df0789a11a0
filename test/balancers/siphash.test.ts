import assert from "node:assert/strict";
import * as fc from "fast-check";
import { hsiphash } from "../../src/balancers/hsiphash.ts";
import { sipHash, type SipKey } from "../../src/balancers/siphash.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { sipHashBigInt } from "./siphash-bigint.ts";

const test = suite("SipHash");

/** The reference implementation's vectors of SipHash-2-4: of the messages 00 01 02 …, 0 to 63 bytes, under 00 … 0f. */
const published = `
  726fdb47dd0e0e31 74f839c593dc67fd 0d6c8009d9a94f5a 85676696d7fb7e2d cf2794e0277187b7 18765564cd99a68d
  cbc9466e58fee3ce ab0200f58b01d137 93f5f5799a932462 9e0082df0ba9e4b0 7a5dbbc594ddb9f3 f4b32f46226bada7
  751e8fbc860ee5fb 14ea5627c0843d90 f723ca908e7af2ee a129ca6149be45e5 3f2acc7f57c29bdb 699ae9f52cbe4794
  4bc1b3f0968dd39c bb6dc91da77961bd bed65cf21aa2ee98 d0f2cbb02e3b67c7 93536795e3a33e88 a80c038ccd5ccec8
  b8ad50c6f649af94 bce192de8a85b8ea 17d835b85bbb15f3 2f2e6163076bcfad de4daaaca71dc9a5 a6a2506687956571
  ad87a3535c49ef28 32d892fad841c342 7127512f72f27cce a7f32346f95978e3 12e0b01abb051238 15e034d40fa197ae
  314dffbe0815a3b4 027990f029623981 cadcd4e59ef40c4d 9abfd8766a33735c 0e3ea96b5304a7d0 ad0c42d6fc585992
  187306c89bc215a9 d4a60abcf3792b95 f935451de4f21df2 a9538f0419755787 db9acddff56ca510 d06c98cd5c0975eb
  e612a3cb9ecba951 c766e62cfcadaf96 ee64435a9752fe72 a192d576b245165a 0a8787bf8ecb74b2 81b3e73d20b49b6f
  7fa8220ba3b2ecea 245731c13ca42499 b78dbfaf3a8d83bd ea1ad565322a1a0b 60e61c23a3795013 6606d7e446282b93
  6ca4ecb15c5f91e1 9f626da15c9625f3 e51b38608ef25f57 958a324ceb064572
`
  .trim()
  .split(/\s+/);

const referenceKey: SipKey = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c];
const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at);
const hex = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  [high, low].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");

test("gives the 64 published values of SipHash-2-4", () => {
  const hash = sipHash(2, 4, referenceKey);
  assert.deepEqual(
    published.map((_, length) => hex(hash(counting(length)))),
    published,
  );
  assert.equal(published.length, 64);
});

test("the form with whole 64-bit words gives them, too", () => {
  const values = published.map((_, length) =>
    sipHashBigInt(2, 4, [0x0706050403020100n, 0x0f0e0d0c0b0a0908n], counting(length)).toString(16).padStart(16, "0"),
  );
  assert.deepEqual(values, published);
});

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const half = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

test("is what the form with whole 64-bit words gives, under any key, for any rounds and bytes", () => {
  fc.assert(
    fc.property(
      fc.tuple(word, word, word, word),
      fc.nat(4),
      fc.nat(4),
      fc.uint8Array({ maxLength: 40 }),
      (key, compression, finalization, bytes) => {
        const whole = sipHashBigInt(compression, finalization, [half(key[0], key[1]), half(key[2], key[3])], bytes);
        assert.equal(hex(sipHash(compression, finalization, key)(bytes)), whole.toString(16).padStart(16, "0"));
      },
    ),
    { seed, numRuns: runs(20_000, 2000) },
  );
});

test("hsiphash of a word is the low word of SipHash-1-3 of its four bytes, the least significant first", () => {
  fc.assert(
    fc.property(word, word, (value, key) => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setInt32(0, value, true);
      assert.equal(hsiphash(value, key), sipHash(1, 3, [key, 0, key, 0])(bytes).low);
    }),
    { seed, numRuns: runs(20_000, 2000) },
  );
});
