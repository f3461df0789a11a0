/** Random rulesets of iptables, as text for iptables-restore: every match and target that a packet can be held against. */
import * as fc from "fast-check";
import { clientIps, nodeIps, serverIps, serviceIps } from "./kernel-network.ts";
import { type TrialPacket, trialPackets } from "./trial-packet.ts";

export interface Trial {
  readonly rules: string;
  readonly packets: readonly TrialPacket[];
}

const hooks = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
} as const;
type TableName = keyof typeof hooks;

const ports = [53, 80, 443, 8080, 30080];
const port = fc.constantFrom(...ports);
const ip = fc.constantFrom(...clientIps, ...serverIps, ...nodeIps, ...serviceIps);
const range = fc.oneof(ip, fc.constantFrom("10.0.0.0/8", "10.1.0.0/24", "10.2.0.0/24", "10.96.0.0/16", "127.0.0.0/8"));
const not = fc.constantFrom("", "", "", "! ");
const mark = fc.constantFrom("0x1", "0x2", "0x4000/0x4000", "0x0/0x1", "0x3/0xf");
const inNames = fc.constantFrom("c0", "s0", "lo", "c+", "eth9");
const types = fc.constantFrom("LOCAL", "UNICAST", "BROADCAST", "MULTICAST");
const state = fc.constantFrom(
  "NEW",
  "ESTABLISHED",
  "RELATED",
  "INVALID",
  "UNTRACKED",
  "NEW,ESTABLISHED",
  "DNAT",
  "SNAT",
);
/** The set that every trial has. */
const sets: readonly [name: string, direction: string][] = [
  ["ips", "src"],
  ["ips", "dst"],
  ["sockets", "dst,dst"],
  ["sockets", "src,src"],
  ["nets", "src"],
  ["nets", "dst"],
  ["pairs", "dst,dst,src"],
];
export const setCommands = `create ips hash:ip
add ips 10.1.0.2
add ips 10.96.0.10
add ips 10.2.0.3
create sockets hash:ip,port
add sockets 10.96.0.1,tcp:80
add sockets 10.96.0.10,udp:53
add sockets 10.2.0.2,tcp:8080
create nets hash:net
add nets 10.1.0.0/24
add nets 10.1.0.3/32 nomatch
add nets 10.96.0.0/16
create pairs hash:ip,port,ip
add pairs 10.96.0.1,tcp:80,10.1.0.2
add pairs 10.96.0.1,udp:53,10.1.0.3
`;

interface Chain {
  readonly table: TableName;
  /** Of the kernel's own that lead to it. */
  readonly hook: string;
}

/** Whether the packet's incoming or outgoing interface is known at a hook. */
const hasIn = (hook: string): boolean => ["PREROUTING", "INPUT", "FORWARD"].includes(hook);
const hasOut = (hook: string): boolean => ["FORWARD", "OUTPUT", "POSTROUTING"].includes(hook);

function conditions({ table, hook }: Chain): fc.Arbitrary<string> {
  const said = (option: string, value: fc.Arbitrary<string | number>): fc.Arbitrary<string> =>
    fc.tuple(not, value).map(([turned, text]) => `${turned}${option} ${text}`);
  const all: fc.Arbitrary<string>[] = [
    said("-s", range),
    said("-d", range),
    fc.constantFrom("-p tcp", "-p udp", "! -p tcp", "! -p udp"),
    portConditions(said),
    portConditions(said),
    fc.tuple(not, mark).map(([turned, text]) => `-m mark ${turned}--mark ${text}`),
    fc.tuple(not, mark).map(([turned, text]) => `-m connmark ${turned}--mark ${text}`),
    fc.tuple(not, state).map(([turned, text]) => `-m conntrack ${turned}--ctstate ${text}`),
    fc.tuple(not, range).map(([turned, text]) => `-m conntrack ${turned}--ctorigdst ${text}`),
    fc.tuple(not, range).map(([turned, text]) => `-m conntrack ${turned}--ctreplsrc ${text}`),
    fc.tuple(not, port).map(([turned, text]) => `-m conntrack ${turned}--ctorigdstport ${text}`),
    fc.constantFrom("-m conntrack --ctdir ORIGINAL", "-m conntrack --ctdir REPLY"),
    fc
      .tuple(not, fc.constantFrom("NEW", "ESTABLISHED", "INVALID"))
      .map(([turned, text]) => `-m state ${turned}--state ${text}`),
    fc.tuple(not, types).map(([turned, text]) => `-m addrtype ${turned}--dst-type ${text}`),
    fc.tuple(not, types).map(([turned, text]) => `-m addrtype ${turned}--src-type ${text}`),
    fc
      .constantFrom(...sets)
      .chain(([name, direction]) => not.map((turned) => `-m set ${turned}--match-set ${name} ${direction}`)),
    fc
      .constantFrom("0.00000000000", "0.50000000000", "0.33333333349", "1.00000000000")
      .map((p) => `-m statistic --mode random --probability ${p}`),
    fc.constant('-m comment --comment "a b"'),
    fc.constantFrom("-m limit --limit 1000/sec --limit-burst 200", "-m physdev --physdev-is-bridged"),
    fc.constant("-m physdev ! --physdev-is-bridged"),
    fc.constantFrom("-p icmp -m icmp --icmp-type 8", "-f", "! -f"),
    fc
      .tuple(not, fc.constantFrom("29", "40", "60", "0:59", "41:1500"))
      .map(([turned, text]) => `-m length ${turned}--length ${text}`),
    fc
      .tuple(not, fc.constantFrom("unicast", "broadcast"))
      .map(([turned, type]) => `-m pkttype ${turned}--pkt-type ${type}`),
  ];
  if (hasIn(hook)) {
    all.push(said("-i", inNames));
    all.push(fc.constantFrom("-m policy --dir in --pol none", "-m policy --dir in --pol ipsec"));
  }
  if (hasOut(hook)) all.push(said("-o", inNames));
  if (hasIn(hook) && hook !== "FORWARD")
    all.push(fc.tuple(not, types).map(([turned, text]) => `-m addrtype ${turned}--dst-type ${text} --limit-iface-in`));
  if (hook === "PREROUTING" && (table === "raw" || table === "mangle")) {
    all.push(fc.constantFrom("-m rpfilter", "-m rpfilter --invert", "-m rpfilter --loose"));
  }
  return fc.oneof(...all);
}

function portConditions(
  said: (option: string, value: fc.Arbitrary<string | number>) => fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const proto = fc.constantFrom("tcp", "udp");
  const many = fc.uniqueArray(port, { minLength: 1, maxLength: 3 }).map((some) => some.join(","));
  const portRange = fc.constantFrom("1:100", "8000:9000", "20000:20005", "1024:65535");
  return proto.chain((name) => {
    const head = `-p ${name} -m ${name}`;
    const choices = [
      said("--dport", port).map((text) => `${head} ${text}`),
      said("--sport", portRange).map((text) => `${head} ${text}`),
      said("--dport", portRange).map((text) => `${head} ${text}`),
      said("--dports", many).map((text) => `-p ${name} -m multiport ${text}`),
      said("--ports", many).map((text) => `-p ${name} -m multiport ${text}`),
    ];
    if (name === "tcp")
      choices.push(fc.constantFrom(`${head} --tcp-flags FIN,SYN,RST,ACK SYN`, `${head} ! --tcp-flags SYN,ACK SYN`));
    return fc.oneof(...choices);
  });
}

interface Target {
  readonly text: string;
  /** Conditions that the kernel insists on. */
  readonly needs?: string;
}

function targets({ table, hook }: Chain, chains: readonly string[]): fc.Arbitrary<Target> {
  const plain = (text: string): fc.Arbitrary<Target> => fc.constant({ text });
  const all: fc.Arbitrary<Target>[] = ["-j ACCEPT", "-j ACCEPT", "-j RETURN", "", "", "-j LOG"].map(plain);
  if (chains.length > 0) {
    all.push(
      ...["-j", "-j", "-g"].map((verb) => fc.constantFrom(...chains).map((chain) => ({ text: `${verb} ${chain}` }))),
    );
  }
  // Few, or hardly a packet would come to its end.
  if (table === "mangle") all.push(plain("-j DROP"));
  if (table === "filter") all.push(plain("-j REJECT --reject-with icmp-port-unreachable"));
  if (table === "raw") all.push(plain("-j CT --notrack"), plain("-j NOTRACK"));
  if (table === "mangle") {
    all.push(
      mark.map((text) => ({ text: `-j MARK --set-xmark ${text}` })),
      fc
        .constantFrom("-j CONNMARK --save-mark", "-j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xf")
        .map((text) => ({ text })),
      mark.map((text) => ({ text: `-j CONNMARK --set-xmark ${text}` })),
    );
  }
  if (table === "nat") all.push(natTarget(hook), natTarget(hook), natTarget(hook));
  return fc.oneof(...all);
}

function natTarget(hook: string): fc.Arbitrary<Target> {
  const proto = fc.constantFrom("-p tcp", "-p udp");
  const to = fc.constantFrom(...serverIps, ...serverIps, "10.1.0.1", "10.1.0.3");
  if (hook === "PREROUTING" || hook === "OUTPUT") {
    return fc.oneof(
      fc
        .tuple(to, port, proto)
        .map(([address, number, needs]) => ({ text: `-j DNAT --to-destination ${address}:${number}`, needs })),
      to.map((address) => ({ text: `-j DNAT --to-destination ${address}` })),
      fc.constant({ text: "-j DNAT --to-destination 10.2.0.2-10.2.0.5" }),
      fc
        .tuple(fc.constantFrom("8000-8003", "80-81"), proto)
        .map(([some, needs]) => ({ text: `-j DNAT --to-destination 10.2.0.3:${some}`, needs })),
      fc.tuple(port, proto).map(([number, needs]) => ({ text: `-j REDIRECT --to-ports ${number}`, needs })),
      fc.constant({ text: "-j REDIRECT" }),
      fc.constantFrom({ text: "-j NETMAP --to 10.2.0.2/31" }, { text: "-j NETMAP --to 10.2.0.4/31" }),
    );
  }
  const snat = fc.oneof(
    fc.constant({ text: "-j SNAT --to-source 10.2.0.9" }),
    fc.constant({ text: "-j SNAT --to-source 10.1.0.1-10.1.0.4" }),
    fc.constantFrom({ text: "-j NETMAP --to 10.2.0.0/24" }, { text: "-j NETMAP --to 10.3.0.0/16" }),
    fc.constant({ text: "-j SNAT --to-source 10.1.0.1-10.1.0.4 --persistent" }),
  );
  if (hook === "INPUT") return snat;
  return fc.oneof(snat, fc.constant({ text: "-j MASQUERADE" }), fc.constant({ text: "-j MASQUERADE" }));
}

function rule(name: string, chain: Chain, chains: readonly string[]): fc.Arbitrary<string> {
  const some = fc.array(conditions(chain), { minLength: 1, maxLength: 3 });
  return fc.tuple(some, targets(chain, chains)).map(([matches, { text, needs }]) => {
    const all = compatible(needs === undefined ? matches : [needs, ...matches]);
    return `-A ${name} ${[...all, text].join(" ")}`.trim();
  });
}

/** One protocol a rule, and each module and option at most once, as iptables insists. */
function compatible(matches: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return matches.filter((match) => {
    const heads = [...match.matchAll(/(?:^|\s)(-[pmsdiof])(?: (\S+))?/g)].map(([, flag, word]) =>
      flag === "-m" ? `-m ${word}` : flag!,
    );
    if (heads.some((head) => taken.has(head))) return false;
    for (const head of heads) taken.add(head);
    return true;
  });
}

function table(name: TableName): fc.Arbitrary<string> {
  const chainsOf = hooks[name].map((hook) => [hook, [`${hook[0]}${hook[1]}-A`, `${hook[0]}${hook[1]}-B`]] as const);
  const rules = chainsOf.flatMap(([hook, [a, b]]) => {
    const chain = { table: name, hook };
    const many = (of: string, others: readonly string[], most: number): fc.Arbitrary<string[]> =>
      fc.array(rule(of, chain, others), { minLength: 0, maxLength: most });
    return [many(hook, [a!, b!], 4), many(a!, [b!], 3), many(b!, [], 12)];
  });
  const policies = fc.array(
    fc.oneof({ weight: 25, arbitrary: fc.constant("ACCEPT") }, { weight: 1, arbitrary: fc.constant("DROP") }),
    { minLength: 5, maxLength: 5 },
  );
  return fc
    .tuple(fc.tuple(...rules), policies)
    .map(([lines, policy]) =>
      [
        `*${name}`,
        ...chainsOf.map(([hook], at) => `:${hook} ${name === "nat" ? "ACCEPT" : policy[at]!} [0:0]`),
        ...chainsOf.flatMap(([, own]) => own.map((chain) => `:${chain} - [0:0]`)),
        ...lines.flat(),
        "COMMIT",
        "",
      ].join("\n"),
    );
}

/** @param count of packets of each. */
export function anyTrial(count: number): fc.Arbitrary<Trial> {
  return fc
    .tuple(fc.tuple(table("raw"), table("mangle"), table("nat"), table("filter")), trialPackets(count))
    .map(([tables, packets]) => ({
      rules: tables.join(""),
      packets,
    }));
}
