import * as fc from "fast-check";
import type { Ip, Ip4, Ip6 } from "../../src/net/ip.ts";

const word = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(0, 0xffff_0000, 0xffff, 0xffff_ffff, 0x8000_0000) },
  { weight: 3, arbitrary: fc.nat(0xffff_ffff) },
);

export const anyIp4: fc.Arbitrary<Ip4> = word.map((bits) => bits as Ip4);

/** Any IPv6 address that is not an IPv4 one in disguise (`::ffff:a.b.c.d`), with many zeros. */
export const anyIp6: fc.Arbitrary<Ip6> = fc
  .record({ w0: word, w1: word, w2: word, w3: word }, { noNullPrototype: true })
  .filter(({ w0, w1, w2 }) => w0 !== 0 || w1 !== 0 || w2 !== 0xffff);

export const anyIp: fc.Arbitrary<Ip> = fc.oneof<fc.Arbitrary<Ip>[]>(anyIp4, anyIp6);
