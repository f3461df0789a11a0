/**
 * How many rules a second does the literal walk evaluate, one after the other, on one core? An operation is a rule that a
 * packet passed. The rules are of a kind that no look-up finds: neighbours ask for different things.
 */
import { assembleNode } from "../../src/explain/assemble-node.ts";
import type { Choices } from "../../src/dataplane/emulated/netfilter/choices.ts";
import type { EmulatedNode } from "../../src/dataplane/emulated/netfilter/node.ts";
import type { PacketHead } from "../../src/dataplane/emulated/netfilter/packet.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { parseNftables } from "../../src/modes/nftables/parse.ts";
import { parseIp } from "../../src/net/ip.ts";
import type { Bench } from "../frame/bench.ts";
import { runBench } from "../frame/run-bench.ts";

const RULES = 10_000;
const PACKETS = 20;
/** 20 million rules a second. */
const TARGET_NS = 50;

type Kind = "services" | "sources" | "firewall";

interface Case {
  readonly front: "iptables" | "nftables";
  readonly rules: Kind;
}

const cases: readonly Case[] = [
  { front: "iptables", rules: "services" },
  { front: "iptables", rules: "sources" },
  { front: "iptables", rules: "firewall" },
  { front: "nftables", rules: "services" },
  { front: "nftables", rules: "sources" },
  { front: "nftables", rules: "firewall" },
];

const address = (n: number): string => `10.${96 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;

/** Rules of iptables that do not match the packets, by their number. */
const iptablesRules: Readonly<Record<Kind, (n: number) => string>> = {
  // A rule without a destination between every few keeps them from being looked up.
  services: (n) => (n % 4 === 3 ? "-p udp -j DROP" : `-d ${address(n)}/32 -p tcp -m tcp --dport 80 -j DROP`),
  sources: (n) => `-s ${address(n)}/32 -j DROP`,
  firewall: (n) =>
    [
      `-i eth9 -p tcp -m tcp --dport ${1000 + (n % 1000)} -j DROP`,
      `-s ${address(n)}/32 -p tcp -j DROP`,
      "-m conntrack --ctstate INVALID -j DROP",
      `-m mark --mark 0x${((n % 250) + 1).toString(16)}/0xff -j DROP`,
      `-p tcp -m multiport --dports 22,443,8443 -j DROP`,
    ][n % 5]!,
};

const match = (left: unknown, right: unknown, op = "=="): unknown => ({ match: { op, left, right } });
const payload = (protocol: string, field: string): unknown => ({ payload: { protocol, field } });

const nftRules: Readonly<Record<Kind, (n: number) => readonly unknown[]>> = {
  services: (n) => [match(payload("ip", "daddr"), address(n)), match(payload("tcp", "dport"), 80)],
  sources: (n) => [match(payload("ip", "saddr"), address(n))],
  firewall: (n) =>
    [
      [match({ meta: { key: "iifname" } }, "eth9"), match(payload("tcp", "dport"), 1000 + (n % 1000))],
      [match(payload("ip", "saddr"), address(n)), match({ meta: { key: "l4proto" } }, "tcp")],
      [match({ ct: { key: "state" } }, ["invalid"], "in")],
      [match({ "&": [{ meta: { key: "mark" } }, 255] }, (n % 250) + 1)],
      [match(payload("tcp", "dport"), { set: [22, 443, 8443] })],
    ][n % 5]!,
};

function nodeOf({ front, rules }: Case): EmulatedNode {
  const addresses = [parseIp("192.168.10.5")];
  if (front === "iptables") {
    const lines = Array.from({ length: RULES }, (_, n) => `-A FORWARD ${iptablesRules[rules](n)}`);
    const text = `*filter\n:FORWARD ACCEPT\n${lines.join("\n")}\nCOMMIT\n`;
    return assembleNode({ addresses, iptables: [parseIptables(text, 4)] }).node;
  }
  const place = { family: "ip", table: "t", chain: "c" };
  const nftables = [
    { table: { family: "ip", name: "t" } },
    { chain: { family: "ip", table: "t", name: "c", type: "filter", hook: "forward", prio: 0, policy: "accept" } },
    ...Array.from({ length: RULES }, (_, n) => ({ rule: { ...place, expr: [...nftRules[rules](n), { drop: null }] } })),
  ];
  return assembleNode({ addresses, nftables: parseNftables(JSON.stringify({ nftables }), "bench") }).node;
}

interface Prepared {
  readonly node: EmulatedNode;
  readonly heads: readonly PacketHead[];
}

const noChance: Choices = { draw: () => 0, doubt: () => false };

const bench: Bench<Case, Prepared> = {
  name: "emulated/evaluate",
  question: "how long does the literal walk take for a rule?",
  cases,
  label: ({ front, rules }) => `${front}, ${rules}`,
  targetNs: () => TARGET_NS,
  setup(one) {
    const client = { proto: 6, src: parseIp("203.0.113.9"), dst: parseIp("198.51.100.1"), dstPort: 8080 };
    const heads = Array.from({ length: PACKETS }, (_, n) => Object.assign({ srcPort: 40_000 + n }, client));
    return { node: nodeOf(one), heads };
  },
  run({ node, heads }) {
    return heads.reduce((passed, head) => passed + node.walk(head, "eth0", noChance).walk.passed, 0);
  },
  quality({ node, heads }) {
    const { walk, arrival } = node.walk(heads[0]!, "eth0", noChance);
    return { rules: walk.passed, sent: Number(arrival.at === "sent") };
  },
  check: ({ rules, sent }) => (rules === RULES && sent === 1 ? undefined : `${rules} rules passed, sent ${sent}`),
};

await runBench(import.meta.url, bench);
