import assert from "node:assert/strict";
import * as fc from "fast-check";
import ipaddr from "ipaddr.js";
import {
  type Cidr,
  coversLoopback,
  formatCidr,
  hostCidr,
  inCidr,
  maskIp,
  parseCidr,
  tryParseCidr,
} from "../../src/net/cidr.ts";
import { familyOf, formatIp, type Ip, parseIp, sameIp } from "../../src/net/ip.ts";
import { anyIp } from "../support/addresses.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("cidr");
const random = { seed, numRuns: runs(20_000, 2000) };

/** An address and how many bits of it count. */
const range = anyIp.chain((ip) => fc.record({ ip: fc.constant(ip), bits: fc.nat(familyOf(ip) === 4 ? 32 : 128) }));

test("covers the addresses that ipaddr.js says it covers", () => {
  let inside = 0;
  fc.assert(
    fc.property(range, anyIp, fc.nat(128), (range, other, flipped) => {
      const cidr: Cidr = { base: maskIp(range.ip, range.bits), bits: range.bits };
      for (const ip of [range.ip, turnBit(range.ip, flipped), other]) {
        const [a, b] = [ipaddr.parse(formatIp(ip)), ipaddr.parse(formatIp(cidr.base))];
        const expected = a.kind() === b.kind() && a.match(b, cidr.bits);
        if (expected) inside += 1;
        assert.equal(inCidr(ip, cidr), expected, `${formatIp(ip)} in ${formatCidr(cidr)}`);
      }
    }),
    random,
  );
  assert.ok(inside > random.numRuns, "too few addresses inside");
});

test("clears the host bits as ipaddr.js does", () => {
  fc.assert(
    fc.property(range, ({ ip, bits }) => {
      const text = `${formatIp(ip)}/${bits}`;
      const expected = (familyOf(ip) === 4 ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(text);
      const cidr = parseCidr(text);
      assert.deepEqual(cidr, { base: parseIp(expected.toString()), bits });
      assert.deepEqual(maskIp(ip, bits), cidr.base);
    }),
    random,
  );
});

test("reads back what it writes", () => {
  fc.assert(
    fc.property(range, ({ ip, bits }) => {
      const cidr = { base: maskIp(ip, bits), bits };
      assert.deepEqual(tryParseCidr(formatCidr(cidr)), cidr);
    }),
    random,
  );
});

// Go's sloppy parser, with the table of its own tests.
const asGo: readonly (readonly [text: string, range: string | undefined])[] = [
  ["135.104.0.0/32", "135.104.0.0/32"],
  ["0.0.0.0/24", "0.0.0.0/24"],
  ["135.104.0.1/24", "135.104.0.0/24"],
  ["127.010.020.030/32", "127.10.20.30/32"],
  ["::1/128", "::1/128"],
  ["abcd:2345::/127", "abcd:2345::/127"],
  ["abcd:2345::/63", "abcd:2345::/63"],
  ["abcd:2345::/24", "abcd:2300::/24"],
  ["2001:DB8::1/48", "2001:db8::/48"],
  ["10.0.0.0/008", "10.0.0.0/8"],
  ["10.0.0.0/0008", "10.0.0.0/8"],
  ["10.1.2.3/0", "0.0.0.0/0"],
  ["fd00::1/0", "::/0"],
  ["::ffff:10.1.2.3/104", "10.0.0.0/8"],
  ["::ffff:10.1.2.3/128", "10.1.2.3/32"],
  ["192.168.1.1/255.255.255.0", undefined],
  ["192.168.1.1/33", undefined],
  ["2001:db8::1/129", undefined],
  ["2001:db8::1/-1", undefined],
  ["2001:db8::1/-0", undefined],
  ["0.0.0.0/-0", undefined],
  ["10.0.0.0/+8", undefined],
  ["10.0.0.0/8 ", undefined],
  ["10.0.0.0/", undefined],
  ["10.0.0.0", undefined],
  ["10.0.0.0/8/8", undefined],
  ["10.0.0/8", undefined],
  ["/8", undefined],
  ["", undefined],
  // Ours.
  ["::ffff:10.1.2.3/95", undefined],
];

for (const [text, range] of asGo) {
  test(`reads "${text}" as ${range ?? "no range"}`, () => {
    const read = tryParseCidr(text);
    assert.equal(read === undefined ? undefined : formatCidr(read), range);
  });
}

test("names the field of a range that is none", () => {
  assert.throws(() => parseCidr("10.0.0.0", "spec.podCIDR"), {
    code: "CONFIG_INVALID",
    details: { path: "spec.podCIDR", expected: "a range such as 10.0.0.0/8", received: "10.0.0.0" },
  });
});

test("the range of one address holds it and no neighbour", () => {
  fc.assert(
    fc.property(anyIp, fc.nat(127), (ip, bit) => {
      assert.deepEqual([inCidr(ip, hostCidr(ip)), inCidr(turnBit(ip, bit), hostCidr(ip))], [true, false]);
      assert.ok(sameIp(hostCidr(ip).base, ip));
    }),
    random,
  );
});

test("covers loopback when it starts there or holds 127.0.0.0", () => {
  for (const text of ["127.0.0.0/8", "127.0.0.1/32", "0.0.0.0/0", "126.0.0.0/7", "::1/128"]) {
    assert.equal(coversLoopback(parseCidr(text)), true, text);
  }
  for (const text of ["128.0.0.0/8", "10.0.0.0/8", "::/0", "::/127", "fd00::/8"]) {
    assert.equal(coversLoopback(parseCidr(text)), false, text);
  }
});

/** The address with one bit turned, counted from the left and round. */
function turnBit(ip: Ip, bit: number): Ip {
  if (typeof ip === "number") return ((ip ^ (1 << (bit % 32))) >>> 0) as typeof ip;
  const word = (["w0", "w1", "w2", "w3"] as const)[(bit >> 5) % 4]!;
  return { ...ip, [word]: (ip[word] ^ (1 << (bit % 32))) >>> 0 };
}
