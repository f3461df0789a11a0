/** Rulesets that kube-proxy would not write: what nft prints of them is read, listed and loaded again without loss. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { changes, fullTransaction } from "../../../src/modes/nftables/changes.ts";
import { parseNftables } from "../../../src/modes/nftables/parse.ts";
import { anyOf } from "../../../src/modes/nftables/ranges.ts";
import { renderTransaction } from "../../../src/modes/nftables/render-commands.ts";
import type { Rule, Table } from "../../../src/modes/nftables/ruleset.ts";
import { type Cidr, formatCidr, maskIp } from "../../../src/net/cidr.ts";
import type { Family, Ip, Ip4 } from "../../../src/net/ip.ts";
import { seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { makeNamespace, normalized, normalizedRuleset, obstacle } from "./kernel.ts";
import { toJson } from "./to-json.ts";

/** What firewalls, container engines and administrators write. Chains and tables have no comments: JSON lacks those. */
const foreign = `
add table ip u
add set ip u allowed { type ipv4_addr ; flags interval ; elements = { 10.0.0.0/8 , 192.0.2.1-192.0.2.9 , 203.0.113.7 } ; }
add set ip u banned { type ipv4_addr ; flags timeout ; timeout 90061s ; size 100 ; gc-interval 10s ; comment "bad ones" ; elements = { 198.51.100.1 timeout 1h comment "x" } ; }
add set ip u links { type ifname . mark ; elements = { "eth0" . 0x10 comment "hey" , "10.0.0.1" . 0x20 } ; }
add set ip u services { type ipv4_addr . inet_service ; flags interval ; elements = { 10.0.0.0/8 . 80-90 , 1.1.1.1 . 443 } ; }
add set ip u counted { type ipv4_addr ; comment "counted" ; counter ; elements = { 192.0.2.3 counter packets 0 bytes 0 comment "c" } ; }
add map ip u places { type mark : ipv4_addr . inet_service ; elements = { 0x10 : 1.1.1.1 . 80 } ; }
add map ip u marks { type inet_service : mark ; elements = { 80 : 0x7 } ; }
add chain ip u pre { type filter hook prerouting priority -141 ; policy drop ; }
add chain ip u post { type nat hook postrouting priority 105 ; }
add chain ip u early { type filter hook output priority -300 ; }
add chain ip u odd { type filter hook forward priority 12 ; }
add chain ip u route { type route hook output priority mangle ; }
add chain ip u r
add rule ip u r meta mark set meta mark and 0xffffff00 or 0x10
add rule ip u r ct mark set ct mark and 0xff comment "hello"
add rule ip u r meta mark and 0xff == 0x10 return
add rule ip u r iif lo accept
add rule ip u r oifname { "eth0" , "veth*" } accept
add rule ip u r iifname "10.0.0.1" accept
add rule ip u r meta mark { 0x10 , 0x20-0x30 } drop
add rule ip u r meta mark set tcp dport map @marks
add rule ip u r ip protocol tcp accept
add rule ip u r dnat to ip saddr map { 1.1.1.1 : 2.2.2.2 , 3.3.3.3 : 4.4.4.4 }
add rule ip u r meta l4proto tcp dnat ip addr . port to meta mark map { 0x10 : 1.1.1.1 . 80 , 0x20 : 1.1.1.2 . 81 }
add rule ip u r meta l4proto tcp dnat to 10.0.0.1-10.0.0.5:80-90 random,persistent
add rule ip u r meta l4proto tcp redirect to :8080
add rule ip u r meta l4proto tcp masquerade to :1024-2048
add rule ip u r masquerade
add rule ip u r snat to 1.2.3.4
add rule ip u r limit rate over 10 mbytes/second drop
add rule ip u r limit rate 10/minute burst 3 packets log prefix "a b" group 2 drop
add rule ip u r log level debug
add rule ip u r reject with icmp host-unreachable
add rule ip u r ip protocol tcp reject with tcp reset
add rule ip u r tcp flags != syn / syn,ack,fin accept
add rule ip u r tcp flags syn,ack accept
add rule ip u r tcp flags & (syn|ack) == syn drop
add rule ip u r @nh,96,32 0x01020304 accept
add rule ip u r @th,4,8 0x03 accept
add rule ip u r numgen inc mod 3 offset 2 vmap { 2 : goto pick , 3 : jump pick , 4 : drop }
add rule ip u r jhash ip saddr . ip daddr mod 4 seed 0xdeadbeef vmap { 0 : goto pick , 1-3 : drop }
add rule ip u r symhash mod 4 offset 1 vmap { 1 : drop }
add rule ip u r add @banned { ip saddr timeout 5m }
add rule ip u r ip saddr @banned drop
add rule ip u r ip saddr @counted continue
add rule ip u r ip saddr . tcp dport @services accept
add rule ip u r iifname . meta mark @links accept
add rule ip u r ip saddr { 10.0.0.0/8 , 10.1.0.0/16 } drop
add rule ip u r ip saddr { 10.0.0.1/32 , 10.0.0.1 } drop
add rule ip u r ip ttl < 5 accept
add rule ip u r ip dscp set cs1
add rule ip u r notrack
add rule ip u r ct state vmap { invalid : drop , established : accept , related : accept }
add rule ip u r ct state established,related accept
add rule ip u r ct original ip daddr 10.0.0.1 accept
add rule ip u r ct direction original accept
add rule ip u r meta skuid 0 accept
add rule ip u r meta pkttype broadcast drop
add rule ip u r ip saddr & 255.255.255.0 == 10.0.0.0 drop
add rule ip u r ip saddr != 10.0.0.1-10.0.0.9 tcp dport != 80-90 counter drop
add rule ip u r ip frag-off & 0x1fff != 0 drop
add rule ip u r meta l4proto { icmp , 47 } accept
add rule ip u r fib saddr . iif oif missing drop
add rule ip u r fib daddr type { local , broadcast } accept
add rule ip u r icmp type { echo-request , echo-reply } accept
add table inet v
add chain inet v c { type filter hook input priority filter - 3 ; }
add rule inet v c ip6 saddr ::ffff:1.2.3.4 accept
add rule inet v c ip6 saddr ::1.2.3.4 accept
add rule inet v c ip6 saddr { ::1 , fe80::/10 } tcp dport 22 counter accept comment "ssh"
add rule inet v c icmpv6 type { nd-neighbor-solicit , nd-router-advert } accept
add rule inet v c meta nfproto ipv6 fib saddr . iif oif missing drop
add rule inet v c ip saddr 10.0.0.0/8 reject
add rule inet v c reject
add rule inet v c reject with icmpx admin-prohibited
`.replace("add chain ip u r\n", "add chain ip u pick\nadd chain ip u r\n");

/** What no type describes. */
const unknown = `
add rule ip u r quota over 10 mbytes drop
add rule ip u r ip option lsrr exists drop
add rule ip u r tcp option maxseg size set 1400
add rule ip u r counter name "hits"
`;

const missing = await obstacle();
const kernel = missing === undefined ? await makeNamespace("foreign") : undefined;
// Only now: a suite runs as soon as the file waits for something.
const test = suite("foreign rulesets of nftables in a kernel", { timeoutMs: 120_000 });
test.after(async () => kernel?.remove());
type Kernel = NonNullable<typeof kernel>;
const inKernel = (name: string, body: (kernel: Kernel) => Promise<void>): void =>
  kernel === undefined ? test.skip(name, missing!) : test(name, () => body(kernel));

inKernel(
  "a host's ruleset is read from JSON, listed as nft lists it, and loaded again",
  async ({ load, list, listJson }) => {
    await load(`flush ruleset\n${foreign}`);
    const [text, json] = [await list(), await listJson()];
    const ruleset = parseNftables(json, "kernel");
    assert.equal(JSON.stringify(ruleset).includes('"unknown"'), false);
    // nft's JSON does not say that packets add to a set.
    const said = text.replace("\t\tflags dynamic,timeout\n", "");
    assert.equal(normalized(said), normalizedRuleset(ruleset));
    assertWrittenBack(json);
    // Once more from what was read: what is written means the same.
    await load("flush ruleset\n");
    await load(ruleset.tables.map((table) => renderTransaction(fullTransaction(table))).join(""));
    assert.equal(normalized(await list()), normalized(text));
    const again = parseNftables(await listJson(), "kernel");
    assert.deepEqual(
      again.tables.map((table, i) => changes(table, ruleset.tables[i]!).commands),
      [[], []],
    );
  },
);

inKernel("what is not known is kept, shown, and never written", async ({ load, listJson }) => {
  await load(`flush ruleset\nadd table ip u\nadd counter ip u hits\nadd chain ip u r\n${unknown}`);
  const json = await listJson();
  const ruleset = parseNftables(json, "kernel");
  const [table] = ruleset.tables;
  assert.deepEqual(
    table!.objects.map(({ type, name }) => [type, name]),
    [["counter", "hits"]],
  );
  assert.equal(JSON.stringify(ruleset).split('"unknown"').length - 1, 3);
  assert.ok(
    normalizedRuleset(ruleset).includes('{"quota":{"val":10,"val_unit":"mbytes","inv":true}} drop'),
    normalizedRuleset(ruleset),
  );
  assert.ok(normalizedRuleset(ruleset).includes('counter name "hits"'));
  assertWrittenBack(json);
  assert.throws(() => renderTransaction(fullTransaction(table!)), { code: "RULE_TEXT_INVALID" });
});

/** Ranges that often touch, lie in each other and end where the addresses end. */
const anyRange = (family: Family): fc.Arbitrary<Cidr> => {
  const word = fc.oneof(fc.constantFrom(0, 0xffff_ffff, 0x0a00_0000), fc.nat(15), fc.nat(0xffff_ffff));
  const ip: fc.Arbitrary<Ip> =
    family === 4
      ? word.map((value) => value as Ip4)
      : fc.record({
          w0: fc.constantFrom(0xfd00_0000, 0, 0xffff_ffff),
          w1: fc.constant(0),
          w2: fc.constant(0),
          w3: word,
        });
  const width = family === 4 ? 32 : 128;
  const bits = fc.oneof(fc.integer({ min: width - 4, max: width }), fc.integer({ min: 1, max: width }));
  return fc.tuple(ip, bits).map(([base, length]) => ({ base: maskIp(base, length), bits: length }));
};

for (const family of [4, 6] as const) {
  inKernel(
    `lists of ranges of IPv${family} come back from the kernel merged as they are here`,
    async ({ load, list }) => {
      const lists = fc.sample(fc.array(anyRange(family), { minLength: 1, maxLength: 6 }), { seed, numRuns: 400 });
      const ip = family === 4 ? "ip" : "ip6";
      const given = lists.map(
        (ranges) => `add rule ${ip} t given ${ip} saddr != { ${ranges.map(formatCidr).join(", ")} } drop`,
      );
      const rules = lists.map((ranges): Rule => {
        const left = { kind: "payload", protocol: ip, field: "saddr" } as const;
        return { statements: [{ kind: "match", operator: "!=", left, right: anyOf(ranges) }, { kind: "drop" }] };
      });
      const chains = [
        { name: "given", rules: [] },
        { name: "merged", rules },
      ];
      const table: Table = { family: ip, name: "t", sets: [], objects: [], chains };
      await load(`flush ruleset\n${renderTransaction(fullTransaction(table))}${given.join("\n")}\n`);
      const expected = { tables: [{ ...table, chains: chains.map(({ name }) => ({ name, rules })) }] };
      assert.equal(normalized(await list()), normalizedRuleset(expected));
    },
  );
}

/** All objects but handles and the version of nft come back as they were. */
function assertWrittenBack(json: string): void {
  const { nftables } = JSON.parse(json, (key, value: unknown) => (key === "handle" ? undefined : value)) as {
    nftables: readonly object[];
  };
  const theirs = nftables.filter((object) => !("metainfo" in object));
  const ours = toJson(parseNftables(json, "kernel"));
  const key = (object: object): string => JSON.stringify(Object.entries(object)[0]);
  assert.equal(ours.length, theirs.length);
  for (const object of ours) {
    assert.ok(
      theirs.some((other) => isSame(object, other)),
      key(object),
    );
  }
}

function isSame(a: object, b: object): boolean {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}
