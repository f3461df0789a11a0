import assert from "node:assert/strict";
import * as fc from "fast-check";
import { flowHash, type FlowKey, flowKeys } from "../../src/balancers/flow-hash.ts";
import { absorb, finish, mix32 } from "../../src/balancers/murmur3.ts";
import { type Flow, SCTP, TCP, UDP } from "../../src/net/flow.ts";
import type { Ip } from "../../src/net/ip.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { murmur3 } from "./proxy-oracles.ts";

const test = suite("flow hash");
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const port = fc.integer({ min: 0, max: 65_535 });
const ip = fc.oneof(u32, fc.record({ w0: u32, w1: u32, w2: u32, w3: u32 })) as fc.Arbitrary<Ip>;
const flow: fc.Arbitrary<Flow> = fc.record({
  proto: fc.constantFrom(TCP, UDP, SCTP),
  src: ip,
  srcPort: port,
  dst: ip,
  dstPort: port,
});

test("hashes words as MurmurHash3 hashes their bytes, the lowest first", () => {
  const hash = (words: readonly number[], start = 0): number => finish(words.reduce(absorb, start), words.length) >>> 0;
  assert.equal(hash([]), 0);
  assert.equal(hash([], 1), 0x514e28b7);
  assert.equal(hash([], 0xffffffff), 0x81f16f39);
  assert.equal(hash([0xffffffff]), 0x76293b50);
  assert.equal(hash([0x87654321]), 0xf55b516b);
  assert.equal(hash([0x87654321], 0x5082edee), 0x2362f9de);
  assert.equal(hash([0]), 0x2362f9de);
  // "aaaa" and "abcd".
  assert.equal(hash([0x61616161], 0x9747b28c), 0x5a97808a);
  assert.equal(hash([0x64636261], 0x9747b28c), 0xf0478627);
});

test("mixes 32 bits one to one: small numbers come out apart", () => {
  const mixed = new Set(Array.from({ length: 100_000 }, (_, word) => mix32(word)));
  assert.equal(mixed.size, 100_000);
});

const words = (address: Ip): number[] =>
  typeof address === "number" ? [address] : [address.w0, address.w1, address.w2, address.w3];
const keyed: Readonly<Record<FlowKey, (flow: Flow) => number[]>> = {
  source: ({ src }) => words(src),
  "source-port": ({ src, srcPort }) => [...words(src), srcPort],
  destination: ({ dst }) => words(dst),
  flow: ({ src, srcPort, dst, dstPort, proto }) => [...words(src), ...words(dst), srcPort * 65_536 + dstPort, proto],
};

for (const key of flowKeys) {
  test(`key ${key}: hashes these parts of a flow and no others, in both families`, () => {
    fc.assert(
      fc.property(flow, (flow) => {
        const hash = flowHash(key)(flow);
        assert.equal(hash, hash | 0);
        assert.equal(BigInt(hash >>> 0), murmur3(keyed[key](flow)));
      }),
      { seed, numRuns: runs(5000, 500) },
    );
  });
}
