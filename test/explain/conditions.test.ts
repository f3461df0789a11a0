/** Every condition and target that rules of others have, plain and turned round: it holds, it does not, or it is in doubt by name. */
import assert from "node:assert/strict";
import { type PacketHead, tcpFlagBits } from "../../src/dataplane/emulated/netfilter/packet.ts";
import { parseConntrack } from "../../src/dataplane/emulated/netfilter/parse-conntrack.ts";
import { parseIpAddr, parseIpRoute } from "../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { formatFraction } from "../../src/dataplane/emulated/netfilter/fraction.ts";
import { assembleNode } from "../../src/explain/assemble-node.ts";
import { tracePacket } from "../../src/explain/trace-packet.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { parseSets } from "../../src/modes/ipvs/parse-sets.ts";
import { parseIp } from "../../src/net/ip.ts";
import { suite } from "../support/suite.ts";

const test = suite("conditions and targets of iptables");

const interfaces = parseIpAddr(
  '[{"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.5","prefixlen":24,"broadcast":"10.0.0.255"}]},{"ifname":"eth1","addr_info":[{"family":"inet","local":"10.1.0.5","prefixlen":24}]}]',
);
const routes = parseIpRoute(
  '[{"dst":"10.0.0.0/24","dev":"eth0"},{"dst":"10.1.0.0/24","dev":"eth1"},{"dst":"default","gateway":"10.1.0.1","dev":"eth1"}]',
);
const sets = parseSets("create s hash:ip\nadd s 10.0.0.9\ncreate p hash:ip,port\nadd p 10.1.0.9,tcp:80\n");
const connections = parseConntrack(
  "tcp 6 100 ESTABLISHED src=10.0.0.9 dst=10.1.0.9 sport=50000 dport=80 src=10.1.0.9 dst=10.0.0.9 sport=80 dport=50000 [ASSURED] mark=5\n",
);

const { SYN } = tcpFlagBits;
const tcp: PacketHead = {
  proto: 6,
  src: parseIp("10.0.0.9"),
  srcPort: 40_000,
  dst: parseIp("10.1.0.9"),
  dstPort: 80,
  flags: SYN,
  mark: 0x11,
};
const known: PacketHead = { ...tcp, srcPort: 50_000, flags: tcpFlagBits.ACK };
const sized: PacketHead = { ...tcp, length: 60 };
const ping: PacketHead = { proto: 1, src: tcp.src, srcPort: 0, dst: tcp.dst, dstPort: 0, icmp: { type: 8, code: 0 } };

type Answer = "holds" | "fails" | "doubt";

function answer(rules: string, packet: PacketHead, inInterface = "eth0"): Answer {
  const { node } = assembleNode({
    addresses: [],
    iptables: [parseIptables(rules, 4)],
    interfaces,
    routes,
    sets,
    connections,
  });
  const { outcomes } = tracePacket(node, packet, { inInterface });
  if (outcomes.length > 1) return "doubt";
  const { verdict } = outcomes[0]!;
  return verdict === "undecided" ? "doubt" : verdict === "drop" ? "holds" : "fails";
}

function forwarded(matches: string, packet: PacketHead = tcp): Answer {
  return answer(`*filter\n:FORWARD ACCEPT\n-A FORWARD ${matches} -j DROP\nCOMMIT\n`, packet);
}

/** What holds, what fails, and what is in doubt, of the TCP packet; turned round the first two change places. */
const conditions: readonly (readonly [answer: Answer, matches: string, turned: string, packet?: PacketHead])[] = [
  ["holds", "-s 10.0.0.0/24", "! -s 10.0.0.0/24"],
  ["fails", "-s 10.1.0.0/24", "! -s 10.1.0.0/24"],
  ["holds", "-d 10.1.0.9/32", "! -d 10.1.0.9/32"],
  ["fails", "-d 10.1.0.8/32", "! -d 10.1.0.8/32"],
  ["holds", "-i eth0", "! -i eth0"],
  ["fails", "-i eth1", "! -i eth1"],
  ["holds", "-i eth+", "! -i eth+"],
  ["holds", "-o eth1", "! -o eth1"],
  ["fails", "-o lo", "! -o lo"],
  ["holds", "-p tcp", "! -p tcp"],
  ["fails", "-p udp", "! -p udp"],
  ["fails", "-p gre", "! -p gre"],
  ["fails", "-f", "! -f"],
  ["holds", "-p tcp -m tcp --dport 80", "-p tcp -m tcp ! --dport 80"],
  ["fails", "-p tcp -m tcp --dport 81:90", "-p tcp -m tcp ! --dport 81:90"],
  ["holds", "-p tcp -m tcp --sport 1024:65535", "-p tcp -m tcp ! --sport 1024:65535"],
  ["holds", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN"],
  ["fails", "-p tcp -m tcp --tcp-flags SYN,ACK ACK", "-p tcp -m tcp ! --tcp-flags SYN,ACK ACK"],
  ["holds", "-p tcp -m multiport --dports 22,80", "-p tcp -m multiport ! --dports 22,80"],
  ["fails", "-p tcp -m multiport --sports 22,80:90", "-p tcp -m multiport ! --sports 22,80:90"],
  ["holds", "-p tcp -m multiport --ports 40000", "-p tcp -m multiport ! --ports 40000"],
  ["holds", "-m conntrack --ctstate NEW", "-m conntrack ! --ctstate NEW"],
  ["fails", "-m conntrack --ctstate RELATED,ESTABLISHED", "-m conntrack ! --ctstate RELATED,ESTABLISHED"],
  ["holds", "-m conntrack --ctstate ESTABLISHED", "-m conntrack ! --ctstate ESTABLISHED", known],
  ["holds", "-m conntrack --ctproto 6", "-m conntrack ! --ctproto 6"],
  ["holds", "-m conntrack --ctorigsrc 10.0.0.9", "-m conntrack ! --ctorigsrc 10.0.0.9"],
  ["holds", "-m conntrack --ctorigdst 10.1.0.0/24", "-m conntrack ! --ctorigdst 10.1.0.0/24"],
  ["fails", "-m conntrack --ctreplsrc 10.1.0.8", "-m conntrack ! --ctreplsrc 10.1.0.8"],
  ["holds", "-m conntrack --ctorigdstport 80", "-m conntrack ! --ctorigdstport 80"],
  ["holds", "-m state --state NEW", "-m state ! --state NEW"],
  ["holds", "-m mark --mark 0x10/0x10", "-m mark ! --mark 0x10/0x10"],
  ["fails", "-m mark --mark 0x12", "-m mark ! --mark 0x12"],
  ["holds", "-m connmark --mark 0x5", "-m connmark ! --mark 0x5", known],
  ["fails", "-m connmark --mark 0x5", "-m connmark ! --mark 0x5"],
  ["holds", "-m addrtype --dst-type UNICAST", "-m addrtype ! --dst-type UNICAST"],
  ["fails", "-m addrtype --src-type LOCAL", "-m addrtype ! --src-type LOCAL"],
  ["holds", "-m set --match-set s src", "-m set ! --match-set s src"],
  ["fails", "-m set --match-set s dst", "-m set ! --match-set s dst"],
  ["holds", "-m set --match-set p dst,dst", "-m set ! --match-set p dst,dst"],
  ["doubt", "-m set --match-set unknown src", "-m set ! --match-set unknown src"],
  ["fails", "-m recent --name a --rcheck --seconds 60", "-m recent --name a ! --rcheck --seconds 60"],
  [
    "fails",
    "-m recent --name a --update --seconds 60 --hitcount 4",
    "-m recent --name a ! --update --seconds 60 --hitcount 4",
  ],
  ["holds", "-m recent --name a --set", "-m recent --name a ! --set"],
  ["fails", "-m recent --name a --remove", "-m recent --name a ! --remove"],
  ["doubt", "-m mac --mac-source 00:11:22:33:44:55", "-m mac ! --mac-source 00:11:22:33:44:55"],
  ["holds", "-m iprange --src-range 10.0.0.9-10.0.0.200", "-m iprange ! --src-range 10.0.0.9-10.0.0.200"],
  ["holds", "-m iprange --dst-range 10.0.0.0-10.1.0.9", "-m iprange ! --dst-range 10.0.0.0-10.1.0.9"],
  ["fails", "-m iprange --src-range 10.0.0.10-10.0.0.200", "-m iprange ! --src-range 10.0.0.10-10.0.0.200"],
  ["fails", "-m physdev --physdev-is-bridged", "-m physdev ! --physdev-is-bridged"],
  ["fails", "-m physdev --physdev-is-in", "-m physdev ! --physdev-is-in"],
  ["fails", "-m physdev --physdev-in eth9", "-m physdev ! --physdev-in eth9"],
  ["holds", "-p icmp -m icmp --icmp-type 8", "-p icmp -m icmp ! --icmp-type 8", ping],
  ["fails", "-p icmp -m icmp --icmp-type 3/3", "-p icmp -m icmp ! --icmp-type 3/3", ping],
  ["holds", "-p icmp -m icmp --icmp-type any", "-p icmp -m icmp --icmp-type 9", ping],
  ["holds", "-m length --length 60", "-m length ! --length 60", sized],
  ["holds", "-m length --length 40:100", "-m length ! --length 40:100", sized],
  ["fails", "-m length --length 61:65535", "-m length ! --length 61:65535", sized],
  ["doubt", "-m length --length 60", "-m length ! --length 60"],
  ["holds", "-m pkttype --pkt-type unicast", "-m pkttype ! --pkt-type unicast"],
  ["fails", "-m pkttype --pkt-type multicast", "-m pkttype ! --pkt-type multicast"],
  ["doubt", "-m socket --transparent", "-m socket ! --transparent"],
  ["doubt", "-m time --timestart 10:00:00 --timestop 11:00:00", "-m time --timestart 09:00:00"],
  ["doubt", "-m connlimit --connlimit-above 3 --connlimit-mask 32", "-m connlimit --connlimit-upto 3"],
  ["doubt", "-m cgroup --path a", "-m cgroup ! --path a"],
  ["doubt", '-m bpf --bytecode "1,6 0 0 0"', '-m bpf ! --bytecode "1,6 0 0 0"'],
  ["doubt", "-m policy --dir in --pol ipsec --proto esp", "-m policy --dir in --pol ipsec --mode tunnel"],
  ["doubt", "-m policy --dir out --pol none", "-m policy --dir out --pol ipsec"],
  ["holds", "-m policy --dir in --pol none", "-m policy --dir in --pol ipsec"],
  ["doubt", '-m u32 --u32 "0x0=0x1"', '-m u32 ! --u32 "0x0=0x1"'],
  ["doubt", '-m string --string "x" --algo bm', '-m string ! --string "x" --algo bm'],
  [
    "doubt",
    "-m statistic --mode random --probability 0.50000000000",
    "-m statistic --mode random ! --probability 0.50000000000",
  ],
  ["doubt", "-m statistic --mode nth --every 3 --packet 0", "-m statistic --mode nth ! --every 3 --packet 0"],
];

const opposite: Readonly<Record<Answer, Answer>> = { holds: "fails", fails: "holds", doubt: "doubt" };

test("each condition holds, fails or is in doubt, and turned round it does the opposite", () => {
  for (const [wanted, plain, turned, packet] of conditions) {
    assert.equal(forwarded(plain, packet), wanted, plain);
    assert.equal(forwarded(turned, packet), opposite[wanted], turned);
  }
});

test("what has no opposite: comments, limits, options of the reverse path and of owners", () => {
  const holds = (matches: string, packet?: PacketHead): Answer => forwarded(matches, packet);
  assert.equal(holds('-m comment --comment "any"'), "holds");
  assert.equal(holds("-m limit --limit 5/sec --limit-burst 10"), "holds");
  assert.equal(
    holds("-m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name a"),
    "holds",
  );
  assert.equal(holds("-m hashlimit --hashlimit-above 5/sec --hashlimit-burst 5 --hashlimit-name a"), "fails");
  const early = (match: string, inInterface: string): Answer =>
    answer(`*raw\n:PREROUTING ACCEPT\n-A PREROUTING ${match} -j DROP\nCOMMIT\n`, tcp, inInterface);
  assert.deepEqual(
    [early("-m rpfilter", "eth0"), early("-m rpfilter --invert", "eth0"), early("-m rpfilter", "eth1")],
    ["holds", "fails", "fails"],
  );
  assert.deepEqual(
    [early("-m rpfilter --loose", "eth1"), early("-m rpfilter --invert --validmark", "eth1")],
    ["holds", "holds"],
  );
  const own = (match: string): Answer =>
    answer(`*filter\n:OUTPUT ACCEPT\n-A OUTPUT ${match} -j DROP\nCOMMIT\n`, { ...tcp, src: parseIp("10.1.0.5") }, "");
  assert.deepEqual(
    [own("-m owner --uid-owner 0"), own("-m owner --socket-exists"), own("-m owner ! --socket-exists")],
    ["doubt", "holds", "fails"],
  );
  assert.equal(own("-m owner ! --gid-owner 100"), "doubt");
});

test("a condition on ports of bridges says what it takes for granted", () => {
  const rules = parseIptables("*filter\n:FORWARD ACCEPT\n-A FORWARD -m physdev ! --physdev-is-in -j DROP\nCOMMIT\n", 4);
  const { node } = assembleNode({ addresses: [], iptables: [rules], interfaces, routes });
  assert.match(tracePacket(node, tcp, { inInterface: "eth0" }).assumptions.join(), /port of a bridge.*br_netfilter/);
});

/** What a target in the mangle or nat table does, as the outcome shows it. */
function after(table: string, chain: string, rule: string, more = "", packet: PacketHead = tcp): string {
  const text = `*${table}\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n:X -\n-A ${chain} ${rule}\n${more}COMMIT\n`;
  const own =
    table === "nat"
      ? text.replace(":FORWARD ACCEPT\n", "")
      : table === "raw"
        ? text.replace(/:(INPUT|FORWARD|POSTROUTING) ACCEPT\n/g, "")
        : text;
  const filter = table === "filter" ? own.replace(/:(PREROUTING|POSTROUTING) ACCEPT\n/g, "") : own;
  const { node } = assembleNode({
    addresses: [],
    iptables: [parseIptables(filter, 4)],
    interfaces,
    routes,
    sets,
    connections,
  });
  const { outcomes } = tracePacket(node, packet, { inInterface: "eth0" });
  return outcomes
    .map(({ probability, verdict, to, source, by, path }) => {
      const share = formatFraction(probability) === "1" ? "" : `${formatFraction(probability)} `;
      const ports = (end: typeof to): string =>
        `${end.ports === undefined ? end.port : `${end.ports.first}-${end.ports.last}`}`;
      const end =
        verdict === "drop" || verdict === "reject" || verdict === "undecided"
          ? ""
          : ` ${[to.ip, source.ip].map((ip) => Number(ip) & 0xff).join("<")} ${ports(to)}<${ports(source)}`;
      return `${share}${verdict}${end}${verdict === "undecided" ? ` ${by}` : ""}|${path.map(({ effect }) => effect).join(",")}`;
    })
    .join("; ");
}

test("each target does what it says, and one that is not known is in doubt by name", () => {
  const same = "9<9 80<40000";
  const cases: readonly (readonly [table: string, chain: string, rule: string, wanted: string, more?: string])[] = [
    ["filter", "FORWARD", "-j ACCEPT", `pass ${same}|accept`],
    ["filter", "FORWARD", "-j DROP", "drop|drop"],
    ["filter", "FORWARD", "-j REJECT --reject-with tcp-reset", "reject|reject with tcp-reset"],
    ["filter", "FORWARD", "-j X", `pass ${same}|jump X,return`, "-A X -j RETURN\n-A X -j DROP\n"],
    ["filter", "FORWARD", "-j LOG --log-prefix a", `pass ${same}|log`],
    ["filter", "FORWARD", "-j NFLOG --nflog-group 3", `pass ${same}|nflog`],
    ["mangle", "PREROUTING", "-j MARK --set-xmark 0x2/0xf", `pass ${same}|mark 0x12`],
    ["mangle", "PREROUTING", "-j CONNMARK --set-xmark 0x7/0xffffffff", `pass ${same}|connection mark 0x7`],
    [
      "mangle",
      "PREROUTING",
      "-j CONNMARK --save-mark --nfmask 0xf0 --ctmask 0xf0",
      `pass ${same}|connection mark 0x10`,
    ],
    ["mangle", "PREROUTING", "-j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xf", `pass ${same}|mark 0x10`],
    ["nat", "POSTROUTING", "-j MASQUERADE", "pass 9<5 80<40000|masquerade: source 10.1.0.5"],
    [
      "nat",
      "POSTROUTING",
      "-p tcp -j MASQUERADE --to-ports 100-200",
      "pass 9<5 80<100-200|masquerade: source 10.1.0.5",
    ],
    ["nat", "POSTROUTING", "-j MASQUERADE --random-fully", "pass 9<5 80<1024-65535|masquerade: source 10.1.0.5"],
    ["nat", "POSTROUTING", "-j SNAT --to-source 10.1.0.7", "pass 9<7 80<40000|source 10.1.0.7"],
    [
      "nat",
      "PREROUTING",
      "-p tcp -j DNAT --to-destination 10.1.0.8:81",
      "forward 8<9 81<40000|destination 10.1.0.8:81",
    ],
    [
      "nat",
      "PREROUTING",
      "-p tcp -j DNAT --to-destination 10.1.0.8:81-90",
      "forward 8<9 81<40000|destination 10.1.0.8 ports 81-90",
    ],
    ["nat", "PREROUTING", "-p tcp -j REDIRECT --to-ports 8080", "local 5<9 8080<40000|redirect to 10.0.0.5 port 8080"],
    ["nat", "PREROUTING", "-j NETMAP --to 10.1.0.64/26", "forward 73<9 80<40000|destination 10.1.0.73"],
    ["nat", "PREROUTING", "-j NETMAP --to 10.1.0.7", "forward 7<9 80<40000|destination 10.1.0.7"],
    ["nat", "POSTROUTING", "-j NETMAP --to 10.1.0.64/26", "pass 9<73 80<40000|source 10.1.0.73"],
    ["raw", "PREROUTING", "-j NOTRACK", `pass ${same}|not tracked`],
    ["raw", "PREROUTING", "-j CT --notrack", `pass ${same}|not tracked`],
    ["raw", "PREROUTING", "-j CT --helper ftp", `pass ${same}|connection tracking is set up`],
    ["raw", "PREROUTING", "-j TRACE", `pass ${same}|trace`],
    ["filter", "FORWARD", "-j TCPMSS --clamp-mss-to-pmtu", `pass ${same}|TCPMSS`],
  ];
  assert.deepEqual(
    cases.map(([table, chain, rule, , more]) => `${rule}: ${after(table, chain, rule, more)}`),
    cases.map(([, , rule, wanted]) => `${rule}: ${wanted}`),
  );
  for (const [rule, why] of [
    ["-j NFQUEUE --queue-num 1", /what NFQUEUE --queue-num 1 does is not understood/],
    ["-j SYNPROXY --sack-perm", /what SYNPROXY --sack-perm does is not understood/],
  ] as const) {
    assert.match(after("filter", "FORWARD", rule), new RegExp(`^undecided .*${why.source}`), rule);
  }
  const transparent = after(
    "mangle",
    "PREROUTING",
    "-p tcp -j TPROXY --on-port 8080 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1",
  );
  assert.match(transparent, /^undecided .*whether a transparent socket listens at port 8080/);
});
