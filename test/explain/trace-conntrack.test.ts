/** What conntrack knows decides before any rule: its time-outs, its room, its errors, and flows that outlived their endpoint. */
import assert from "node:assert/strict";
import { type Connection } from "../../src/dataplane/emulated/netfilter/connection.ts";
import { type PacketHead, tcpFlagBits } from "../../src/dataplane/emulated/netfilter/packet.ts";
import { parseConntrack } from "../../src/dataplane/emulated/netfilter/parse-conntrack.ts";
import { assembleNode, type NodeParts } from "../../src/explain/assemble-node.ts";
import { endpointText } from "../../src/explain/gather.ts";
import { packetTraceJson } from "../../src/explain/packet-trace-json.ts";
import { reasonsOf } from "../../src/explain/reasons.ts";
import { type PacketTrace, tracePacket } from "../../src/explain/trace-packet.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { TCP, UDP } from "../../src/net/flow.ts";
import { formatIp, parseIp } from "../../src/net/ip.ts";
import { parseSocketAddr } from "../../src/net/parse-socket-addr.ts";
import { suite } from "../support/suite.ts";
import { nothingAsked } from "./nothing-asked.ts";

const test = suite("traces through conntrack's table");

const { SYN, ACK, RST, FIN } = tcpFlagBits;
/** Every state goes to a chain of its own, so that the path tells it. */
const states = ["NEW", "ESTABLISHED", "RELATED", "INVALID"];
const rules = parseIptables(
  [
    "*nat",
    ":PREROUTING ACCEPT",
    ":POSTROUTING ACCEPT",
    "-A PREROUTING -d 10.96.0.10/32 -p udp --dport 53 -j DNAT --to-destination 10.244.1.10:53",
    "-A PREROUTING -d 10.96.0.1/32 -p tcp --dport 80 -j DNAT --to-destination 10.244.1.10:8080",
    "COMMIT",
    "*filter",
    ":FORWARD ACCEPT",
    ":INPUT ACCEPT",
    ...states.map((state) => `:IS-${state} -`),
    ...states.map((state) => `-A FORWARD -m conntrack --ctstate ${state} -j IS-${state}`),
    ...states.map((state) => `-A INPUT -m conntrack --ctstate ${state} -j IS-${state}`),
    "COMMIT",
    "",
  ].join("\n"),
  4,
);

function head(from: string, to: string, proto: 6 | 17 = UDP, flags?: number): PacketHead {
  const [src, dst] = [parseSocketAddr(from, "from"), parseSocketAddr(to, "to")];
  const plain = { proto, src: src.ip, srcPort: src.port, dst: dst.ip, dstPort: dst.port };
  return flags === undefined ? plain : { ...plain, flags };
}

function traced(packet: PacketHead, connections: readonly Connection[], parts: Partial<NodeParts> = {}): PacketTrace {
  const { node } = assembleNode({ addresses: [parseIp("192.168.10.5")], iptables: [rules], connections, ...parts });
  return tracePacket(node, packet);
}

/** Conntrack's word for the packet, and where it goes. */
function said({ outcomes }: PacketTrace): string {
  return outcomes
    .map(({ path, verdict, to, source, by }) => {
      const state = /IS-(\w+)/.exec(path.map(({ effect }) => effect).join(" "))?.[1] ?? "?";
      const end = verdict === "drop" ? by : `${endpointText(to)} from ${formatIp(source.ip)}`;
      return `${state} ${verdict} ${end}`;
    })
    .join("; ");
}

const dns =
  "udp 17 25 src=10.244.2.5 dst=10.96.0.10 sport=40000 dport=53 src=10.244.1.99 dst=10.244.2.5 sport=53 dport=40000 [ASSURED] mark=0 use=1";
const web = (left: number, state: string, sport = 40_000): string =>
  `tcp 6 ${left} ${state} src=10.0.0.7 dst=10.96.0.1 sport=${sport} dport=80 src=10.244.1.10 dst=192.168.10.5 sport=8080 dport=${sport} [ASSURED] mark=0 use=1`;
const query = head("10.244.2.5:40000", "10.96.0.10:53");

test("a flow whose time is over is NEW again, and one whose time is not goes on", () => {
  const open = parseConntrack(dns);
  assert.equal(said(traced(query, open, { laterSeconds: 24 })), "ESTABLISHED forward 10.244.1.99:53 from 10.244.2.5");
  assert.equal(said(traced(query, open, { laterSeconds: 25 })), "NEW forward 10.244.1.10:53 from 10.244.2.5");
  const tcp = parseConntrack(web(86_397, "ESTABLISHED"));
  const segment = head("10.0.0.7:40000", "10.96.0.1:80", TCP);
  assert.match(said(traced(segment, tcp, { laterSeconds: 86_396 })), /^ESTABLISHED forward .* from 192\.168\.10\.5$/);
  assert.match(said(traced(segment, tcp, { laterSeconds: 86_397 })), /^NEW forward .* from 10\.0\.0\.7$/);
  // What did not tell its time stays.
  const timeless = parseConntrack(dns.replace("17 25 ", "17 "));
  assert.match(said(traced(query, timeless, { laterSeconds: 1e6 })), /^ESTABLISHED/);
});

test("a full table drops new flows, says so by name, and lets known ones pass", () => {
  const all = parseConntrack([dns, web(100, "ESTABLISHED"), web(200, "ESTABLISHED", 40_001)].join("\n"));
  const fresh = head("10.244.2.5:40001", "10.96.0.10:53");
  const full = traced(fresh, all, { connectionsMax: 3 });
  assert.equal(said(full), "? drop conntrack: the table is full (nf_conntrack_max 3): new flows are dropped");
  assert.match(reasonsOf(full, nothingAsked)[0]!, /^conntrack's table is full \(conntrack:/);
  assert.match(said(traced(query, all, { connectionsMax: 3 })), /^ESTABLISHED forward/);
  assert.match(said(traced(fresh, all, { connectionsMax: 4 })), /^NEW forward/);
  // One of the three is over by then.
  assert.match(said(traced(fresh, all, { connectionsMax: 3, laterSeconds: 30 })), /^NEW forward/);
});

test("where an unassured connection may be thrown out of a full table, both ways stand there", () => {
  const [assured] = parseConntrack(dns);
  const half = parseConntrack(dns.replace("40000 dport=53", "40002 dport=53").replace("[ASSURED]", "[UNREPLIED]"));
  const { outcomes } = traced(head("10.244.2.5:40001", "10.96.0.10:53"), [assured!, ...half], { connectionsMax: 2 });
  const [only] = outcomes;
  assert.deepEqual([outcomes.length, only!.verdict], [1, "undecided"]);
  assert.match(only!.doubt!.rule, /nf_conntrack_max = 2/);
  assert.deepEqual([only!.ways!.holds[0]!.verdict, only!.ways!.fails[0]!.verdict], ["forward", "drop"]);
});

test("an ICMP error about a known flow is RELATED, and is translated as the flow's answers are", () => {
  const connections = parseConntrack(web(100, "ESTABLISHED"));
  const about = {
    proto: TCP,
    src: parseIp("192.168.10.5"),
    srcPort: 40_000,
    dst: parseIp("10.244.1.10"),
    dstPort: 8080,
  };
  const icmp = { type: 3, code: 3 };
  const error = (src: string): PacketHead => {
    return { proto: 1, src: parseIp(src), srcPort: 0, dst: about.src, dstPort: 0, icmp, about };
  };
  // From the endpoint itself, and from a router on the way: both look as if the service had sent them.
  for (const src of ["10.244.1.10", "10.244.1.254"]) {
    assert.equal(said(traced(error(src), connections)), "RELATED forward 10.0.0.7 from 10.96.0.1", src);
  }
  const unknown = { ...error("10.244.1.10"), about: { ...about, dstPort: 8081 } };
  assert.equal(said(traced(unknown, connections)), "INVALID local 192.168.10.5 from 10.244.1.10");
  // An error that is sent to somebody else than the flow's answers.
  const astray = { ...error("10.244.1.10"), dst: parseIp("10.0.0.99") };
  assert.equal(said(traced(astray, connections)), "INVALID pass 10.0.0.99 from 10.244.1.10");
});

test("TCP that opens nothing, or that no connection in this state has, is INVALID", () => {
  const none = (flags: number) =>
    said(traced(head("10.0.0.7:40000", "10.244.1.10:8080", TCP, flags), [])).split(" ")[0];
  assert.deepEqual([SYN, ACK, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN, 0, SYN | FIN].map(none), [
    "NEW",
    "NEW",
    ...Array.from({ length: 7 }, () => "INVALID"),
  ]);
  const inState = (state: string, flags: number, isReply = false): string => {
    const connections = parseConntrack(web(100, state));
    const original = head("10.0.0.7:40000", "10.96.0.1:80", TCP, flags);
    const reply = head("10.244.1.10:8080", "192.168.10.5:40000", TCP, flags);
    return said(traced(isReply ? reply : original, connections)).split(" ")[0]!;
  };
  assert.equal(inState("ESTABLISHED", ACK), "ESTABLISHED");
  assert.equal(inState("ESTABLISHED", SYN | ACK), "INVALID");
  assert.equal(inState("ESTABLISHED", FIN), "INVALID");
  assert.equal(inState("ESTABLISHED", SYN, true), "INVALID");
  assert.equal(inState("SYN_SENT", ACK), "INVALID");
  assert.equal(inState("SYN_SENT", SYN | ACK, true), "ESTABLISHED");
  assert.equal(inState("TIME_WAIT", ACK), "ESTABLISHED");
  assert.equal(inState("TIME_WAIT", SYN), "NEW");
});

test("a flow bound to an endpoint that the rules no longer have goes there still, and the trace says so", () => {
  const trace = traced(query, parseConntrack(dns));
  assert.equal(said(trace), "ESTABLISHED forward 10.244.1.99:53 from 10.244.2.5");
  const reasons = reasonsOf(trace, nothingAsked);
  assert.match(
    reasons.join("\n"),
    /conntrack still sends this flow to 10\.244\.1\.99:53, which the rules do not have: a new one would go to 10\.244\.1\.10:53 \(conntrack -D -p udp --orig-src 10\.244\.2\.5 --orig-dst 10\.96\.0\.10 --sport 40000 --dport 53 ends it\)/,
  );
  const json = packetTraceJson(trace, { program: "", service: undefined, reasons });
  assert.deepEqual([json.stale?.to, json.stale?.instead.map(({ to }) => to)], ["10.244.1.99:53", ["10.244.1.10:53"]]);
  const alive = traced(query, parseConntrack(dns.replaceAll("10.244.1.99", "10.244.1.10")));
  assert.equal(alive.stale, undefined);
  assert.equal(traced(head("10.244.2.5:40001", "10.96.0.10:53"), parseConntrack(dns)).stale, undefined);
});

test("a flow that is bound to an endpoint of a service that has none any more: what becomes of a new one", () => {
  const rules = (target: string): string =>
    `*filter\n:FORWARD ACCEPT\n-A FORWARD -d 10.96.0.10/32 -p udp -m udp --dport 53 -j ${target}\nCOMMIT\n`;
  const why = (target: string): string => {
    const { node } = assembleNode({
      addresses: [],
      iptables: [parseIptables(rules(target), 4)],
      connections: parseConntrack(dns),
    });
    return reasonsOf(tracePacket(node, query), nothingAsked).join("\n");
  };
  assert.match(why("REJECT"), /, which the rules do not have: a new one would be refused \(conntrack -D/);
  assert.match(why("DROP"), /: a new one would be dropped \(conntrack -D/);
});

test("a flow that is older than the rules goes on as it was, and the trace says so", () => {
  const before = parseConntrack(
    "udp 17 25 src=10.244.2.5 dst=10.96.0.10 sport=40000 dport=53 [UNREPLIED] src=10.96.0.10 dst=10.244.2.5 sport=53 dport=40000 use=1",
  );
  const trace = traced(query, before);
  assert.equal(trace.outcomes[0]!.verdict, "pass");
  assert.match(
    reasonsOf(trace, { ...nothingAsked, ruled: () => "kube-system/kube-dns:dns at 10.96.0.10:53" }).join("\n"),
    /^conntrack has this flow from before the rules, which no longer look at it: a new one would go to 10\.244\.1\.10:53 \(conntrack -D [^)]*\)$/,
  );
  assert.equal(traced(head("10.244.2.5:40001", "10.96.0.10:53"), before).stale, undefined);
});

test("a source port that another flow has at the endpoint is changed, also where no rule translates the source", () => {
  const other = parseConntrack(
    "udp 17 25 src=10.244.2.5 dst=10.244.1.10 sport=40000 dport=53 src=10.244.1.10 dst=10.244.2.5 sport=53 dport=40000 [ASSURED] mark=0 use=1",
  );
  const [clash] = traced(query, other).outcomes;
  assert.deepEqual([endpointText(clash!.to), endpointText(clash!.source)], ["10.244.1.10:53", "10.244.2.5:1024-65535"]);
  const low = { ...query, srcPort: 700 };
  const [privileged] = traced(
    low,
    parseConntrack(
      "udp 17 25 src=10.244.2.5 dst=10.244.1.10 sport=700 dport=53 src=10.244.1.10 dst=10.244.2.5 sport=53 dport=700 [ASSURED] mark=0 use=1",
    ),
  ).outcomes;
  assert.equal(endpointText(privileged!.source), "10.244.2.5:600-1023");
  const [free] = traced(query, []).outcomes;
  assert.equal(endpointText(free!.source), "10.244.2.5:40000");
});
