import assert from "node:assert/strict";
import { isIP } from "node:net";
import * as fc from "fast-check";
import ipaddr from "ipaddr.js";
import {
  familyOf,
  formatIp,
  type Ip,
  type Ip4,
  ipKey,
  isLoopback,
  parseIp,
  sameIp,
  tryParseIp,
} from "../../src/net/ip.ts";
import { anyIp, anyIp4, anyIp6 } from "../support/addresses.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("ip");
const random = { seed, numRuns: runs(20_000, 2000) };

/**
 * Reads with ipaddr.js, behind `net.isIP`: alone it takes `010.0.0.1` for 8.0.0.1, `1` for 0.0.0.1 and `0x7f.1` for
 * 127.0.0.1. An IPv4-mapped address is IPv4. `::1.2.3.4`, which it takes for one, is in the table of traps below.
 */
function oracle(text: string): Ip | undefined {
  if (isIP(text) === 0 || text.includes("%")) return undefined;
  const bytes = ipaddr.process(text).toByteArray();
  const word = (at: number): number => bytes.slice(at, at + 4).reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes.length === 4 ? (word(0) as Ip4) : { w0: word(0), w1: word(4), w2: word(8), w3: word(12) };
}

/** One group of an IPv6 address, as people write it. */
const hextet = fc
  .record({ value: fc.oneof(fc.constant(0), fc.nat(0xffff)), upper: fc.boolean(), width: fc.nat(4) })
  .map(({ value, upper, width }) => {
    const text = value.toString(16).padStart(width, "0");
    return upper ? text.toUpperCase() : text;
  });
const dotted = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((octets) => octets.join("."));
const grouped = fc
  .record({
    groups: fc.array(hextet, { minLength: 0, maxLength: 9 }),
    cut: fc.option(fc.nat(9), { nil: undefined }),
    tail: fc.option(dotted, { nil: undefined }),
  })
  .map(({ groups, cut, tail }) => {
    const all = tail === undefined ? groups : [...groups, tail];
    return cut === undefined ? all.join(":") : `${all.slice(0, cut).join(":")}::${all.slice(cut).join(":")}`;
  });
const edited = fc
  .record({
    text: fc.oneof(grouped, dotted),
    at: fc.nat(40),
    insert: fc.constantFrom("", ":", ".", "0", "f", " ", "%", "/", "-"),
  })
  .map(({ text, at, insert }) => text.slice(0, at) + insert + text.slice(at + (insert === "" ? 1 : 0)));

/** What Go's sloppy parser takes and strict ones do not: leading zeros in an octet, more than four digits in a group. */
const sloppy = /(^|[.:])0\d+\.|\.0\d|(^|:)0[0-9a-f]{4}/i;

test("reads what ipaddr.js reads, and refuses what it refuses, behind net.isIP", () => {
  let addresses = 0;
  fc.assert(
    fc.property(fc.oneof(grouped, dotted, edited), (text) => {
      fc.pre(!sloppy.test(text) && !/^::\d+\./.test(text));
      if (oracle(text) !== undefined) addresses += 1;
      assert.deepEqual(tryParseIp(text), oracle(text), text);
    }),
    random,
  );
  assert.ok(addresses > random.numRuns / 10, `only ${addresses} addresses among the texts`);
});

test("writes as ipaddr.js writes: dotted, or RFC 5952", () => {
  fc.assert(
    fc.property(anyIp, (ip) => {
      const text = formatIp(ip);
      const parsed = ipaddr.parse(text);
      assert.equal(text, parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString());
      assert.equal(isIP(text), familyOf(ip));
    }),
    random,
  );
});

test("reads back what it writes", () => {
  fc.assert(
    fc.property(anyIp, (ip) => assert.deepEqual(tryParseIp(formatIp(ip)), ip)),
    random,
  );
});

// The table of Go 1.16's own tests, which Kubernetes keeps its sloppy parser to.
const asGo: readonly (readonly [text: string, ip: string | undefined])[] = [
  ["127.0.1.2", "127.0.1.2"],
  ["127.001.002.003", "127.1.2.3"],
  ["127.007.008.009", "127.7.8.9"],
  ["127.010.020.030", "127.10.20.30"],
  ["::ffff:127.1.2.3", "127.1.2.3"],
  ["::ffff:127.010.020.030", "127.10.20.30"],
  ["::ffff:7f01:0203", "127.1.2.3"],
  ["0:0:0:0:0000:ffff:127.1.2.3", "127.1.2.3"],
  ["0:0:0:0:000000:ffff:127.1.2.3", "127.1.2.3"],
  ["0:0:0:0::ffff:127.1.2.3", "127.1.2.3"],
  ["2001:4860:0:2001::68", "2001:4860:0:2001::68"],
  ["2001:4860:0000:2001:0000:0000:0000:0068", "2001:4860:0:2001::68"],
  ["-0.0.0.0", undefined],
  ["0.-1.0.0", undefined],
  ["0.0.-2.0", undefined],
  ["0.0.0.-3", undefined],
  ["127.0.0.256", undefined],
  ["abc", undefined],
  ["123:", undefined],
  ["fe80::1%lo0", undefined],
  ["fe80::1%911", undefined],
  ["", undefined],
  ["a1:a2:a3:a4::b1:b2:b3:b4", undefined],
];

for (const [text, ip] of asGo) {
  test(`reads "${text}" as Go's sloppy parser does: ${ip ?? "no address"}`, () => {
    const read = tryParseIp(text);
    assert.equal(read === undefined ? undefined : formatIp(read), ip);
  });
}

// Where other libraries go wrong: octal, hexadecimal, short forms, spaces, what is left over.
const traps: readonly (readonly [text: string, ip: string | undefined])[] = [
  ["010.0.0.1", "10.0.0.1"],
  ["0177.0.0.1", "177.0.0.1"],
  ["0000000010.0.0.1", "10.0.0.1"],
  ["1", undefined],
  ["127.1", undefined],
  ["1.2.3", undefined],
  ["1.2.3.4.5", undefined],
  ["0x7f.1", undefined],
  ["0x7f.0.0.1", undefined],
  ["1e1.0.0.1", undefined],
  ["+1.0.0.1", undefined],
  [" 1.2.3.4", undefined],
  ["1.2.3.4 ", undefined],
  ["1.2.3.4\n", undefined],
  ["1..2.3", undefined],
  ["1.2.3.", undefined],
  [".1.2.3", undefined],
  ["٠.0.0.1", undefined],
  ["4294967296.0.0.1", undefined],
  ["[::1]", undefined],
  [":::", undefined],
  ["1::2::3", undefined],
  ["::1:", undefined],
  [":1::2", undefined],
  ["1:2:3:4:5:6:7:8:9", undefined],
  ["1:2:3:4:5:6:7", undefined],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["1:2:3:4:5:6:7:8::", undefined],
  ["::1:2:3:4:5:6:7:8", undefined],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["1:2:3:4:5:6:7:1.2.3.4", undefined],
  ["1.2.3.4::", undefined],
  ["::1.2.3.4:5", undefined],
  ["::1.2.3", undefined],
  ["12345::", undefined],
  ["g::", undefined],
  ["::ffff:0:1.2.3.4", "::ffff:0:102:304"],
  ["::1.2.3.4", "::102:304"],
];

for (const [text, ip] of traps) {
  test(`reads ${JSON.stringify(text)} as ${ip ?? "no address"}`, () => {
    const read = tryParseIp(text);
    assert.equal(read === undefined ? undefined : formatIp(read), ip);
  });
}

test("names the field of an address that is none", () => {
  assert.throws(() => parseIp("10.0.0", "status.podIP"), {
    code: "CONFIG_INVALID",
    message: "status.podIP: expected an IPv4 or IPv6 address, got 10.0.0",
    details: { path: "status.podIP", expected: "an IPv4 or IPv6 address", received: "10.0.0" },
  });
});

test("the same address is the same, and has the same key; another one is not", () => {
  fc.assert(
    fc.property(anyIp, anyIp, (a, b) => {
      const equal = formatIp(a) === formatIp(b);
      assert.deepEqual([sameIp(a, b), ipKey(a) === ipKey(b)], [equal, equal]);
      const copy = typeof a === "number" ? a : { ...a };
      assert.deepEqual([sameIp(a, copy), ipKey(a) === ipKey(copy)], [true, true]);
    }),
    random,
  );
});

test("an address differs from each that has one bit turned", () => {
  fc.assert(
    fc.property(anyIp6, fc.constantFrom("w0", "w1", "w2", "w3"), fc.nat(31), (ip, word, bit) => {
      const other = { ...ip, [word]: (ip[word] ^ (1 << bit)) >>> 0 };
      assert.deepEqual([sameIp(ip, other), ipKey(ip) === ipKey(other)], [false, false]);
    }),
    random,
  );
});

test("loopback is 127.0.0.0/8 and ::1", () => {
  for (const text of ["127.0.0.0", "127.255.255.255", "::1"]) assert.equal(isLoopback(parseIp(text)), true, text);
  for (const text of ["126.255.255.255", "128.0.0.0", "::", "::2", "1::1", "0:1::1", "0:0:0:1::1", "::1:0:1"]) {
    assert.equal(isLoopback(parseIp(text)), false, text);
  }
  fc.assert(
    fc.property(anyIp4, (ip) => assert.equal(isLoopback(ip), formatIp(ip).startsWith("127."))),
    random,
  );
});
