/** Random rulesets of nftables, as text for `nft -f`. Each rule has a number as its comment, and counts. */
import * as fc from "fast-check";
import { clientIps, nodeIps, serverIps, serviceIps } from "./kernel-network.ts";
import { type TrialPacket, trialPackets } from "./trial-packet.ts";

export interface NftTrial {
  readonly rules: string;
  readonly packets: readonly TrialPacket[];
}

const port = fc.constantFrom(53, 80, 443, 8080, 30080);
const ip = fc.constantFrom(...clientIps, ...serverIps, ...nodeIps, ...serviceIps);
const range = fc.oneof(ip, fc.constantFrom("10.0.0.0/8", "10.1.0.0/24", "10.2.0.0/24", "10.96.0.0/16"));
const op = fc.constantFrom("", "", "!= ");
const mark = fc.constantFrom("0x1", "0x2", "0x4000", "0x3");
const some = <T>(of: fc.Arbitrary<T>, most = 3): fc.Arbitrary<string> =>
  fc.uniqueArray(of, { minLength: 1, maxLength: most }).map((all) => `{ ${all.join(", ")} }`);

/** What every trial has besides its chains. */
const sets = `
  set ips { type ipv4_addr; elements = { 10.1.0.2, 10.96.0.10, 10.2.0.3 } }
  set nets { type ipv4_addr; flags interval; elements = { 10.1.0.0/31, 10.1.0.3-10.1.0.9, 10.96.0.0/16 } }
  set sockets { type ipv4_addr . inet_proto . inet_service; elements = { 10.96.0.1 . tcp . 80, 10.96.0.10 . udp . 53 } }
  set blocks { type ipv4_addr . inet_service; flags interval; elements = { 10.96.0.0/24 . 50-100, 10.2.0.2 . 8000-9000 } }
  map marks { type ipv4_addr : mark; elements = { 10.1.0.2 : 0x1, 10.96.0.1 : 0x2, 10.1.0.3 : 0x4000 } }
  map places { type ipv4_addr : ipv4_addr . inet_service; elements = { 10.96.0.1 : 10.2.0.3 . 8080, 10.96.0.10 : 10.2.0.4 . 80 } }
`;

/** Never negated: nft 1.0.6 lists "not both" as "neither". */
const bothPorts = ["0x4e200050", "0x4e2101bb", "0x4e220035"].map((ports) => `@th,0,32 ${ports}`);

/**
 * Bits of headers by their place: one of both ports, parts of two, TCP's flags under a mask; version,
 * protocol, length and addresses of IPv4. A rule has one of them at most, as nft 1.0.6 joins neighbours when it lists.
 */
const raw: readonly (readonly [text: string, ...values: string[]])[] = [
  ["@th,16,16", "80", "{ 53, 443 }", "8000-9000"],
  ["@th,0,8", "0x4e", "0x4f"],
  ["@th,8,16", "0x2000", "0x2101", "0x2200"],
  ["@th,24,8", "80", "0x35"],
  ["meta l4proto tcp @th,104,8", "2", "20"],
  ["meta l4proto tcp @th,104,8 & 0x12", "2", "0x10"],
  ["@nh,0,4", "4", "6"],
  ["@nh,16,16", "29", "40-60"],
  ["@nh,72,8", "6", "17"],
  ["@nh,96,32", "0x0a010002", "0x0a010003-0x0a0100ff"],
  ["@nh,120,8", "2", "3"],
  ["@nh,120,16", "0x020a", "0x030a"],
  ["@nh,128,16", "0x0a60", "0x0a02"],
];

interface Place {
  readonly type: "filter" | "nat" | "route";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  readonly priority: number;
}

function matches({ hook, priority }: Place): fc.Arbitrary<string> {
  const said = (selector: string, value: fc.Arbitrary<string | number>): fc.Arbitrary<string> =>
    fc.tuple(op, value).map(([operator, text]) => `${selector} ${operator}${text}`);
  const all = [
    said("ip saddr", range),
    said("ip daddr", range),
    said("ip saddr", some(ip)),
    said("ip daddr", fc.constantFrom("@ips", "@nets")),
    said("ip saddr", fc.constantFrom("@ips", "@nets")),
    said("ip daddr . meta l4proto . th dport", fc.constant("@sockets")),
    said("ip daddr . th dport", fc.constant("@blocks")),
    said("meta l4proto", fc.constantFrom("tcp", "udp", "{ tcp, udp }", "icmp")),
    said("tcp dport", port),
    said("udp dport", fc.oneof(some(port), fc.constant("50-100"))),
    said("th dport", fc.oneof(port, fc.constantFrom("1024-65535", "{ 53, 8000-9000 }"))),
    said("th sport", fc.constantFrom("20000", "20001-20004")),
    fc.tuple(fc.constantFrom("<", ">", "<=", ">="), port).map(([sign, number]) => `th dport ${sign} ${number}`),
    fc.constantFrom(...bothPorts),
    ...raw.map(([text, ...values]) => said(text, fc.constantFrom(...values))),
    said("meta length", fc.constantFrom("29", "0-59", "{ 40, 60 }")),
    said("meta pkttype", fc.constantFrom("host", "broadcast", "{ host, multicast }")),
    said("meta mark", mark),
    fc.tuple(mark, fc.constantFrom("==", "!=")).map(([bits, sign]) => `meta mark & ${bits} ${sign} 0x0`),
    said("ct mark", mark),
    said("ct state", fc.constantFrom("new", "established", "invalid", "untracked")),
    fc.constantFrom(
      "ct state new,established",
      "ct state { established, related }",
      "ct direction reply",
      "ct direction original",
    ),
    fc.constantFrom("ct status dnat", "ct status snat"),
    said("ct original ip daddr", range),
    said("ct reply ip saddr", range),
    said("meta l4proto tcp ct original proto-dst", port),
    said("fib daddr type", fc.constantFrom("local", "unicast", "broadcast", "multicast")),
    said("fib saddr type", fc.constantFrom("local", "unicast")),
    fc.constantFrom("tcp flags syn", "tcp flags & (syn | ack) == syn", "tcp flags != syn"),
    fc.constantFrom("tcp flags ! syn", "tcp flags ! syn,ack", "ct status ! dnat"),
    fc.constantFrom("limit rate 1000/second burst 200 packets", "limit rate over 1000/second burst 200 packets"),
    fc.constantFrom("numgen random mod 2 0", "numgen random mod 3 != 0"),
    said("jhash ip saddr mod 4 seed 0xabc", fc.constantFrom(0, 1, 2, 3)),
    said("jhash ip saddr . ip daddr mod 3 seed 0x1", fc.constantFrom(0, 1, 2)),
    said("jhash ip saddr . th dport mod 3 seed 0x77", fc.constantFrom(0, 1, 2)),
  ];
  if (["prerouting", "input", "forward"].includes(hook))
    all.push(said("iifname", fc.constantFrom('"c0"', '"s0"', '"lo"', '"c*"')));
  if (["forward", "output", "postrouting"].includes(hook))
    all.push(said("oifname", fc.constantFrom('"c0"', '"s0"', '"lo"', '"s*"')));
  if (hook === "prerouting") all.push(fc.constantFrom("fib saddr . iif oif exists", "fib saddr . iif oif missing"));
  if (priority < -200) all.push(fc.constant("ct state invalid"));
  return fc.oneof(...all);
}

interface Act {
  readonly text: string;
  /** A map may end a rule behind its counter. */
  readonly needs?: string;
}

function acts({ type, hook, priority }: Place, chains: readonly string[]): fc.Arbitrary<Act> {
  const plain = (...texts: string[]): fc.Arbitrary<Act> => fc.constantFrom(...texts).map((text) => ({ text }));
  const all = [
    plain("accept", "return", "continue", "", "log"),
    plain("", "return"),
    mark.map((text) => ({ text: `meta mark set ${text}` })),
    mark.map((text) => ({ text: `meta mark set meta mark | ${text}` })),
    mark.map((text) => ({ text: `meta mark set meta mark ^ ${text}` })),
    plain("meta mark set ip saddr map @marks", "ct mark set meta mark", "meta mark set ct mark"),
  ];
  const [first, second] = chains;
  if (first !== undefined) {
    const chain = fc.constantFrom(...chains);
    all.push(...["jump", "jump", "goto"].map((verb) => chain.map((name) => ({ text: `${verb} ${name}` }))));
    all.push(
      chain.map((name) => ({ text: `meta l4proto vmap { tcp : jump ${name}, udp : accept }` })),
      chain.map((name) => ({
        text: `ip daddr . meta l4proto vmap { 10.96.0.1 . tcp : goto ${name}, 10.96.0.10 . udp : return }`,
      })),
      chain.map((name) => ({ text: `th dport vmap { 50-100 : jump ${name}, 443 : continue }` })),
      fc.constant({ text: `numgen random mod 2 vmap { 0 : jump ${first}, 1 : jump ${second ?? first} }` }),
      chain.map((name) => ({ text: `ct state vmap { new : jump ${name}, invalid : accept }` })),
    );
  }
  if (type === "filter" && priority >= -150) all.push(plain("drop"));
  if (type === "filter" && ["input", "forward", "output"].includes(hook)) all.push(plain("reject"));
  if (priority < -200) all.push(plain("notrack"));
  if (type === "nat") all.push(natAct(hook), natAct(hook), natAct(hook));
  return fc.oneof(...all);
}

function natAct(hook: Place["hook"]): fc.Arbitrary<Act> {
  const to = fc.constantFrom(...serverIps, "10.1.0.1", "10.1.0.3");
  if (hook === "prerouting" || hook === "output") {
    return fc.oneof(
      fc
        .tuple(to, port)
        .map(([address, number]) => ({ text: `dnat ip to ${address}:${number}`, needs: "meta l4proto { tcp, udp }" })),
      to.map((address) => ({ text: `dnat ip to ${address}` })),
      fc.constant({ text: "dnat ip to 10.2.0.2-10.2.0.5" }),
      fc.constant({ text: "dnat ip prefix to 10.2.0.2/31" }),
      fc.constant({ text: "dnat ip prefix to ip daddr map { 10.96.0.0/28 : 10.2.0.4/31 }" }),
      fc.constant({
        text: "dnat ip to numgen random mod 2 map { 0 : 10.2.0.2 . 80, 1 : 10.2.0.3 . 8080 }",
        needs: "meta l4proto tcp",
      }),
      fc.constant({ text: "dnat ip to ip daddr map @places", needs: "meta l4proto { tcp, udp }" }),
      fc.constant({ text: "dnat ip to jhash ip saddr mod 2 seed 0x9 map { 0 : 10.2.0.2, 1 : 10.2.0.3 }" }),
      port.map((number) => ({ text: `redirect to :${number}`, needs: "meta l4proto { tcp, udp }" })),
    );
  }
  const snat = fc.constantFrom(
    { text: "snat ip to 10.2.0.9" },
    { text: "snat ip to 10.1.0.1-10.1.0.4" },
    { text: "snat ip prefix to 10.3.0.0/16" },
    { text: "snat ip prefix to ip saddr map { 10.1.0.0/24 : 10.2.0.0/24 }" },
  );
  return hook === "input" ? snat : fc.oneof(snat, fc.constant({ text: "masquerade" }));
}

/** A rule names protocols once: nft refuses those that exclude each other. */
function ofOneProtocol(conditions: readonly string[]): readonly string[] {
  return once(once(once(conditions, /\b(tcp|udp|icmp)\b/), /th dport [<>]/), /@[tn]h,/);
}

/**
 * Leaves out all conditions of a kind but the first. Of two comparisons, `th dport < 443 th dport > 443`, nft 1.0.6 lists
 * `th dport != 443-443`, which means something else.
 */
function once(conditions: readonly string[], kind: RegExp): readonly string[] {
  const first = conditions.findIndex((condition) => kind.test(condition));
  return conditions.filter((condition, at) => at === first || !kind.test(condition));
}

const places: readonly Place[] = [
  { type: "filter", hook: "prerouting", priority: -300 },
  { type: "filter", hook: "output", priority: -300 },
  { type: "filter", hook: "prerouting", priority: -150 },
  { type: "filter", hook: "prerouting", priority: -110 },
  { type: "nat", hook: "prerouting", priority: -100 },
  { type: "filter", hook: "input", priority: 0 },
  { type: "nat", hook: "input", priority: 100 },
  { type: "filter", hook: "forward", priority: -10 },
  { type: "filter", hook: "forward", priority: 0 },
  { type: "route", hook: "output", priority: -150 },
  { type: "nat", hook: "output", priority: -100 },
  { type: "filter", hook: "output", priority: 0 },
  { type: "filter", hook: "postrouting", priority: -150 },
  { type: "nat", hook: "postrouting", priority: 90 },
  { type: "nat", hook: "postrouting", priority: 100 },
];

interface Drafted {
  readonly chains: readonly { readonly name: string; readonly head: string; readonly rules: readonly string[] }[];
}

function draft(place: Place, at: number): fc.Arbitrary<Drafted> {
  const [a, b] = [`a${at}`, `b${at}`];
  const rule = (chains: readonly string[]): fc.Arbitrary<string> =>
    fc
      .tuple(fc.array(matches(place), { minLength: 1, maxLength: 2 }), acts(place, chains))
      .map(
        ([conditions, { text, needs }]) =>
          `${[...ofOneProtocol([...(needs === undefined ? [] : [needs]), ...conditions]), "counter", text].join(" ")}`,
      );
  const many = (chains: readonly string[], most: number): fc.Arbitrary<string[]> =>
    fc.array(rule(chains), { maxLength: most });
  const policy =
    place.type === "nat"
      ? fc.constant("accept")
      : fc.constantFrom(...Array.from({ length: 15 }, () => "accept"), "drop");
  return fc.tuple(many([a, b], 4), many([b], 3), many([], 3), policy).map(([own, first, second, kept]) => ({
    chains: [
      { name: b, head: "", rules: second },
      { name: a, head: "", rules: first },
      {
        name: `h${at}`,
        head: `type ${place.type} hook ${place.hook} priority ${place.priority}; policy ${kept};`,
        rules: own,
      },
    ],
  }));
}

/** @param count of packets of each. */
export function anyNftTrial(count: number): fc.Arbitrary<NftTrial> {
  const family = fc.constantFrom("ip", "inet");
  return fc.tuple(family, fc.tuple(...places.map(draft)), trialPackets(count)).map(([name, drafts, packets]) => {
    let number = 0;
    const chains = drafts
      .flatMap((one) => one.chains)
      .map(({ name: chain, head, rules }) => {
        const lines = rules.map((rule) => `    ${rule} comment "r${(number += 1)}"`);
        return `  chain ${chain} {\n    ${head}\n${lines.join("\n")}\n  }`;
      });
    return { rules: `table ${name} trial {\n${sets}\n${chains.join("\n")}\n}\n`, packets };
  });
}
