import assert from "node:assert/strict";
import { parseConntrack } from "../../src/dataplane/emulated/netfilter/parse-conntrack.ts";
import { formatFraction } from "../../src/dataplane/emulated/netfilter/fraction.ts";
import { parseIpAddr, parseIpRoute } from "../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { parseIpvsConnections } from "../../src/dataplane/emulated/netfilter/parse-ipvs-connections.ts";
import { assembleNode, type NodeParts } from "../../src/explain/assemble-node.ts";
import { endpointText } from "../../src/explain/gather.ts";
import { packetTraceJson } from "../../src/explain/packet-trace-json.ts";
import type { PacketOutcome } from "../../src/explain/packet-outcome.ts";
import { reasonsOf } from "../../src/explain/reasons.ts";
import { renderPacketTrace } from "../../src/explain/render-packet-trace.ts";
import { type PacketTrace, tracePacket } from "../../src/explain/trace-packet.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { parseServers } from "../../src/modes/ipvs/parse-servers.ts";
import { parseSets } from "../../src/modes/ipvs/parse-sets.ts";
import { parseNftables } from "../../src/modes/nftables/parse.ts";
import { formatIp, parseIp } from "../../src/net/ip.ts";
import { parseSocketAddr } from "../../src/net/parse-socket-addr.ts";
import { suite } from "../support/suite.ts";
import { nothingAsked } from "./nothing-asked.ts";

const test = suite("trace of a packet through dumps");

const nodeIp = parseIp("192.168.10.5");

function traced(parts: Partial<NodeParts>, from = "10.0.0.7:40000", to = "10.96.0.1:80", proto = 6): PacketTrace {
  const { node } = assembleNode({ addresses: [nodeIp], ...parts });
  const [src, dst] = [parseSocketAddr(from, "from"), parseSocketAddr(to, "to")];
  return tracePacket(node, { proto, src: src.ip, srcPort: src.port, dst: dst.ip, dstPort: dst.port });
}

function tables(filter: string, nat = "", mangle = ""): Partial<NodeParts> {
  const text = [
    `*mangle\n:PREROUTING ACCEPT\n:FORWARD ACCEPT\n${mangle}COMMIT`,
    `*nat\n:PREROUTING ACCEPT\n:POSTROUTING ACCEPT\n:OUTPUT ACCEPT\n:A -\n${nat}COMMIT`,
    `*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:X -\n${filter}COMMIT\n`,
  ].join("\n");
  return { iptables: [parseIptables(text, 4)] };
}

function said({ probability, verdict, to, source }: PacketOutcome): string {
  const end = verdict === "drop" || verdict === "reject" ? "" : ` ${endpointText(to)} from ${formatIp(source.ip)}`;
  return `${formatFraction(probability)} ${verdict}${end}`;
}

const DNAT = "-A PREROUTING -d 10.96.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.244.1.10:8080\n";

test("thirds of a dump are thirds, and their own numbers stand beside them", () => {
  const { outcomes } = traced(
    tables(
      "",
      "-A PREROUTING -p tcp -m statistic --mode random --probability 0.33333333349 -j DNAT --to-destination 10.244.1.1:1\n" +
        "-A PREROUTING -p tcp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 10.244.1.2:1\n" +
        "-A PREROUTING -p tcp -j DNAT --to-destination 10.244.1.3:1\n",
    ),
  );
  assert.deepEqual(
    outcomes.map(said),
    [1, 2, 3].map((n) => `1/3 forward 10.244.1.${n}:1 from 10.0.0.7`),
  );
  // 0.33333333349 × 2³¹ is 715827883; the rest is shared in halves.
  assert.deepEqual(
    outcomes.map(({ exact }) => formatFraction(exact)),
    ["715827883/2147483648", "1431655765/4294967296", "1431655765/4294967296"],
  );
});

test("what a rule asks that nobody can tell is undecided: both ways stand there, and the rule", () => {
  const { outcomes } = traced(tables('-A FORWARD -p tcp -m u32 --u32 "0x0=0x1" -j DROP\n', DNAT));
  const [only, ...others] = outcomes;
  assert.deepEqual([only!.verdict, others], ["undecided", []]);
  assert.match(only!.doubt!.rule, /^-A FORWARD -p tcp -m u32/);
  assert.deepEqual(
    [only!.ways!.holds.map(said), only!.ways!.fails.map(said)],
    [["1 drop"], ["1 forward 10.244.1.10:8080 from 10.0.0.7"]],
  );
});

test("a rule that is not understood and makes no difference is named, and decides nothing", () => {
  const trace = traced(tables('-A FORWARD -m string --string "x" --algo bm -j ACCEPT\n', DNAT));
  assert.deepEqual(trace.outcomes.map(said), ["1 forward 10.244.1.10:8080 from 10.0.0.7"]);
  assert.deepEqual(
    trace.harmless.map(({ where }) => where),
    ["filter/FORWARD"],
  );
  // Its other conditions fail: nobody needs to know.
  const other = traced(tables('-A FORWARD -p udp -m string --string "x" --algo bm -j DROP\n', DNAT));
  assert.deepEqual([other.outcomes.length, other.harmless], [1, []]);
});

test("a target that is not understood may end the packet or not", () => {
  const { outcomes } = traced(tables("-A FORWARD -j NFQUEUE --queue-num 3\n", DNAT));
  assert.deepEqual(
    outcomes[0]!.ways!.holds.map(({ verdict }) => verdict),
    ["undecided"],
  );
  assert.deepEqual(outcomes[0]!.ways!.fails.map(said), ["1 forward 10.244.1.10:8080 from 10.0.0.7"]);
  assert.equal(traced(tables("-A FORWARD -j TCPMSS --clamp-mss-to-pmtu\n", DNAT)).outcomes[0]!.verdict, "forward");
});

test("conditions that draw, in a chain of doubts, end at a number that can be read", () => {
  const doubts = Array.from(
    { length: 12 },
    (_, n) => `-A FORWARD -m string --string "${n}" --algo bm -j MARK --set-xmark 0x${n + 1}\n`,
  ).join("");
  const { outcomes } = traced({ iptables: [parseIptables(`*mangle\n:FORWARD ACCEPT\n${doubts}COMMIT\n`, 4)] });
  assert.equal(outcomes.length, 1);
});

test("the node's own packets, those for the node, and those that nobody routes", () => {
  assert.deepEqual(traced(tables("-A INPUT -p tcp -j REJECT\n"), "10.0.0.7:1", "192.168.10.5:22").outcomes.map(said), [
    "1 reject",
  ]);
  assert.deepEqual(traced(tables(""), "10.0.0.7:1", "192.168.10.5:22").outcomes.map(said), [
    "1 local 192.168.10.5:22 from 10.0.0.7",
  ]);
  assert.deepEqual(traced(tables("-A OUTPUT -p tcp -j DROP\n"), "192.168.10.5:1", "10.0.0.7:22").outcomes.map(said), [
    "1 drop",
  ]);
  assert.deepEqual(traced({ ...tables(""), routes: [] }).outcomes.map(said), ["1 reject"]);
  assert.deepEqual(traced({ ...tables(""), routeLocalnet: false }, "10.0.0.7:1", "127.0.0.1:22").outcomes.map(said), [
    "1 drop",
  ]);
});

test("several next hops are several outcomes, by weight; a packet keeps to one", () => {
  const [routes, interfaces] = [
    parseIpRoute(
      '[{"dst":"default","nexthops":[{"gateway":"10.9.0.1","dev":"eth0","weight":2},{"gateway":"10.8.0.1","dev":"eth1","weight":1}]}]',
    ),
    parseIpAddr(
      '[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.9.0.2","prefixlen":24}]},{"ifname":"eth1","addr_info":[{"family":"inet","local":"10.8.0.2","prefixlen":24}]}]',
    ),
  ];
  const trace = traced({ ...tables("", `${DNAT}-A POSTROUTING -j MASQUERADE\n`), routes, interfaces });
  assert.deepEqual(trace.outcomes.map(said), [
    "2/3 forward 10.244.1.10:8080 from 10.9.0.2",
    "1/3 forward 10.244.1.10:8080 from 10.8.0.2",
  ]);
  assert.match(trace.assumptions.join("\n"), /a hash chooses among several next hops/);
  const { assumptions } = assembleNode({ addresses: [], routes, interfaces });
  assert.match(assumptions.join("\n"), /rules of policy routing \(ip rule\) are not known/);
  // Without masquerading nobody can tell the ways apart but by the interface.
  const plain = traced({ ...tables("-A FORWARD -o eth1 -j DROP\n", DNAT), routes, interfaces });
  assert.deepEqual(plain.outcomes.map(said), ["2/3 forward 10.244.1.10:8080 from 10.0.0.7", "1/3 drop"]);
});

test("a connection of conntrack's goes its old way: no rule of nat is asked, and answers are turned round", () => {
  const connections = parseConntrack(
    "tcp 6 100 ESTABLISHED src=10.0.0.7 dst=10.96.0.1 sport=40000 dport=80 src=10.244.1.99 dst=192.168.10.5 sport=8080 dport=50000 [ASSURED] mark=0",
  );
  const rules = { ...tables("-A FORWARD -m conntrack --ctstate NEW -j DROP\n", DNAT), connections };
  assert.deepEqual(traced(rules).outcomes.map(said), ["1 forward 10.244.1.99:8080 from 192.168.10.5"]);
  assert.deepEqual(traced(rules, "10.244.1.99:8080", "192.168.10.5:50000").outcomes.map(said), [
    "1 forward 10.0.0.7:40000 from 10.96.0.1",
  ]);
  assert.deepEqual(traced(rules, "10.0.0.7:40001").outcomes.map(said), ["1 drop"]);
  // A closed connection makes room for a new one.
  const closed = parseConntrack(
    "tcp 6 9 TIME_WAIT src=10.0.0.7 dst=10.96.0.1 sport=40000 dport=80 src=10.244.1.99 dst=10.0.0.7 sport=8080 dport=40000 [ASSURED] mark=0",
  );
  assert.deepEqual(traced({ ...tables("", DNAT), connections: closed }).outcomes.map(said), [
    "1 forward 10.244.1.10:8080 from 10.0.0.7",
  ]);
});

test("a port that another connection has is changed by masquerading", () => {
  const connections = parseConntrack(
    "tcp 6 100 ESTABLISHED src=10.9.9.9 dst=10.244.1.10 sport=40000 dport=8080 src=10.244.1.10 dst=192.168.10.5 sport=8080 dport=40000 [ASSURED] mark=0",
  );
  const { outcomes } = traced({ ...tables("", `${DNAT}-A POSTROUTING -j MASQUERADE\n`), connections });
  assert.equal(endpointText(outcomes[0]!.source), "192.168.10.5:1024-65535");
  const free = traced(tables("", `${DNAT}-A POSTROUTING -j MASQUERADE\n`));
  assert.equal(endpointText(free.outcomes[0]!.source), "192.168.10.5:40000");
});

test("an answer that a rule stops does not come back", () => {
  const { outcomes } = traced(tables("-A FORWARD -p tcp -m tcp --sport 8080 -j DROP\n", DNAT));
  assert.deepEqual([outcomes[0]!.verdict, outcomes[0]!.back?.verdict], ["forward", "drop"]);
  assert.match(outcomes[0]!.back!.by, /--sport 8080/);
});

test("sets decide where they were given, and are in doubt where they were not", () => {
  const rules = tables("-A FORWARD -m set --match-set blocked src -j DROP\n", DNAT);
  assert.equal(traced(rules).outcomes[0]!.verdict, "undecided");
  const set = (address: string) => parseSets(`create blocked hash:net\nadd blocked ${address}\n`);
  assert.deepEqual(traced({ ...rules, sets: set("10.0.0.0/24") }).outcomes.map(said), ["1 drop"]);
  assert.equal(traced({ ...rules, sets: set("10.1.0.0/24") }).outcomes[0]!.verdict, "forward");
});

test("IPVS: turns of rr are even, of wrr by weight, others go by the scheduler, and an empty one refuses", () => {
  const servers = (scheduler: string, weights: readonly number[]) =>
    parseServers(
      `-A -t 10.96.0.1:80 -s ${scheduler}\n${weights.map((w, n) => `-a -t 10.96.0.1:80 -r 10.244.1.${n + 1}:8080 -m -w ${w}\n`).join("")}`,
    );
  const shares = (scheduler: string, weights: readonly number[]) =>
    traced({ servers: servers(scheduler, weights) }).outcomes.map(
      ({ probability, verdict, to }) => `${formatFraction(probability)} ${verdict} ${formatIp(to.ip)}`,
    );
  assert.deepEqual(shares("rr", [1, 1, 0]), ["1/2 forward 10.244.1.1", "1/2 forward 10.244.1.2"]);
  assert.deepEqual(shares("wrr", [1, 3]), ["1/4 forward 10.244.1.1", "3/4 forward 10.244.1.2"]);
  assert.equal(shares("lc", [1, 1]).length, 1);
  assert.equal(shares("sh", [1, 1]).length, 1);
  assert.deepEqual(shares("rr", [0]), ["1 reject 10.96.0.1"]);
  // A balancer of ours that is no scheduler of the kernel's is as unknown as any other.
  for (const unknown of ["mine", "random"]) {
    assert.deepEqual(shares(unknown, [1, 1]), ["1 undecided 10.96.0.1"]);
  }
  // The kernel has a server once, whatever a text says.
  const twice = parseServers(`-A -t 10.96.0.1:80 -s rr\n${"-a -t 10.96.0.1:80 -r 10.244.1.1:80 -m\n".repeat(2)}`);
  assert.deepEqual(traced({ servers: twice }).outcomes.map(said), ["1 forward 10.244.1.1:80 from 10.0.0.7"]);
  const marked = parseServers("-A -f 7 -s rr\n-a -f 7 -r 10.244.1.9:0 -m -w 1\n");
  const rules = tables("", "", "-A PREROUTING -d 192.168.10.5 -j MARK --set-xmark 0x7\n");
  assert.deepEqual(traced({ ...rules, servers: marked }, "10.0.0.7:1", "192.168.10.5:80").outcomes.map(said), [
    "1 forward 10.244.1.9:80 from 10.0.0.7",
  ]);
});

test("IPVS: connections and templates of its table go their old way, as long as they last", () => {
  const servers = parseServers(
    "-A -t 10.96.0.1:80 -s lc -p 10800\n" +
      [1, 2, 3].map((n) => `-a -t 10.96.0.1:80 -r 10.244.1.${n}:8080 -m -w 1\n`).join(""),
  );
  const ipvsEntries = parseIpvsConnections(
    "IPVS connection entries\npro expire state       source             virtual            destination\n" +
      "TCP 14:58  ESTABLISHED 10.0.0.7:40000     10.96.0.1:80       10.244.1.1:8080\n" +
      "TCP 01:58  ESTABLISHED 10.0.0.9:40000     10.96.0.1:80       10.244.1.9:8080\n" +
      "TCP 00:05  TIME_WAIT   10.0.0.8:40000     10.96.0.1:80       10.244.1.3:8080\n" +
      "TCP 179:30 NONE        10.0.0.7:0         10.96.0.1:80       10.244.1.2:8080\n",
  );
  const said = (from: string, laterSeconds = 0, flags?: number): readonly string[] => {
    const { node } = assembleNode({ addresses: [nodeIp], servers, ipvsEntries, laterSeconds });
    const { ip: src, port: srcPort } = parseSocketAddr(from, "from");
    const head = { proto: 6, src, srcPort, dst: parseIp("10.96.0.1"), dstPort: 80 };
    const { outcomes } = tracePacket(node, flags === undefined ? head : { ...head, flags });
    return outcomes.map(({ verdict, to, by, path }) => {
      const effect = path.find(({ where }) => where === "ipvs")?.effect ?? "";
      return `${verdict} ${verdict === "forward" ? `${endpointText(to)}: ${effect}` : by}`;
    });
  };
  const ACK = 16;
  assert.deepEqual(said("10.0.0.7:40000", 0, ACK), [
    "forward 10.244.1.1:8080: to 10.244.1.1:8080, as its connection says (898 s left)",
  ]);
  assert.deepEqual(said("10.0.0.7:40001"), [
    "forward 10.244.1.2:8080: to 10.244.1.2:8080, as its client's template says (10770 s left)",
  ]);
  // lc: the first of those without connections, the newest first; the one in TIME_WAIT counts once.
  assert.deepEqual(said("10.0.0.77:40001"), ["forward 10.244.1.2:8080: to 10.244.1.2:8080"]);
  assert.deepEqual(said("10.0.0.77:40001", 6), ["forward 10.244.1.3:8080: to 10.244.1.3:8080"]);
  assert.match(said("10.0.0.9:40000", 0, ACK)[0]!, /^drop ipvs: -A -t .*: the server of its connection was removed$/);
  // The template's time is over after three hours.
  assert.deepEqual(said("10.0.0.7:40001", 10_770), ["forward 10.244.1.3:8080: to 10.244.1.3:8080"]);
});

test("IPVS's table: what is wrong in its text is told with line and column", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["ICMP 00:01 NONE 10.0.0.1:1 10.0.0.2:2 10.0.0.3:3", /:1:1: protocol: expected TCP, UDP, SCTP or IP, got "ICMP"/],
    ["TCP 1:2 NONE 10.0.0.1:1 10.0.0.2:2 10.0.0.3:3", /:1:5: expire: expected minutes and seconds/],
    ["\nTCP 01:02 NONE client:1 10.0.0.2:2 10.0.0.3:3", /:2:16: source: expected an address and a port/],
    [
      "TCP 01:02 NONE 10.0.0.1:1 10.0.0.2:2",
      /:1:37: destination: expected an address and a port as numbers, got nothing/,
    ],
  ];
  for (const [text, message] of wrong) assert.throws(() => parseIpvsConnections(text), message);
});

test("nftables: a statement that is not understood is undecided; iptables' own comment is none", () => {
  const nft = (expr: readonly unknown[]) =>
    parseNftables(
      JSON.stringify({
        nftables: [
          { table: { family: "ip", name: "t" } },
          {
            chain: { family: "ip", table: "t", name: "c", type: "filter", hook: "forward", prio: 0, policy: "accept" },
          },
          { rule: { family: "ip", table: "t", chain: "c", expr } },
        ],
      }),
      "dump",
    );
  assert.equal(traced({ nftables: nft([{ queue: { num: 1 } }]) }).outcomes[0]!.verdict, "undecided");
  assert.equal(traced({ nftables: nft([{ strange: 1 }, { drop: null }]) }).outcomes[0]!.verdict, "undecided");
  assert.deepEqual(
    traced({ nftables: nft([{ xt: { type: "match", name: "comment" } }, { drop: null }]) }).outcomes.map(said),
    ["1 drop"],
  );
  assert.deepEqual(
    traced({
      nftables: nft([{ match: { op: "==", left: { meta: { key: "length" } }, right: 5 } }, { accept: null }]),
    }).outcomes.map(said),
    ["1 pass 10.96.0.1:80 from 10.0.0.7"],
  );
});

test("text and JSON: the answer, why, the way by rules, and what was taken for granted", () => {
  const trace = traced(tables("-A FORWARD -m limit --limit 5/sec -j ACCEPT\n-A FORWARD -j DROP\n", DNAT));
  const subject = {
    program: "dump",
    service: undefined,
    reasons: reasonsOf(trace, nothingAsked),
  };
  const text = renderPacketTrace(trace, subject);
  assert.match(
    text,
    /^tcp 10\.0\.0\.7:40000 -> 10\.96\.0\.1:80, dump, in by eth0\n\ngoes to the one endpoint: 10\.244\.1\.10:8080/,
  );
  assert.match(text, /FORWARD filter\/FORWARD\n {2}\* -A FORWARD -m limit --limit 5\/sec -j ACCEPT\n {6}=> accept\n/);
  assert.match(text, /taken for granted:\n {2}limits of packets a second are not used up\n/);
  const json = packetTraceJson(trace, subject);
  assert.deepEqual(
    json.outcomes.map(({ probability, verdict, to, source }) => [probability, verdict, to, source]),
    [["1", "forward", "10.244.1.10:8080", "10.0.0.7"]],
  );
  const stopped = traced(
    tables('-A FORWARD -j X\n-A X -m comment --comment "default/web has no endpoints" -j REJECT\n'),
  );
  assert.match(reasonsOf(stopped, nothingAsked)[0]!, /^the service has no endpoints \(filter\/X/);
  const hairpin = traced(tables("", "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.7:8080\n"));
  assert.match(reasonsOf(hairpin, nothingAsked).join("\n"), /may be sent to itself \(1\): its own address stays/);
});
