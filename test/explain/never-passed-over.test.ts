/** What is not understood makes the answer undecided by name; what is understood is not passed over. */
import assert from "node:assert/strict";
import type { PacketHead } from "../../src/dataplane/emulated/netfilter/packet.ts";
import { parseConntrack } from "../../src/dataplane/emulated/netfilter/parse-conntrack.ts";
import { assembleNode, type NodeParts } from "../../src/explain/assemble-node.ts";
import type { PacketOutcome } from "../../src/explain/packet-outcome.ts";
import { renderPacketTrace } from "../../src/explain/render-packet-trace.ts";
import { type PacketTrace, tracePacket } from "../../src/explain/trace-packet.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { parseServers } from "../../src/modes/ipvs/parse-servers.ts";
import { parseSets } from "../../src/modes/ipvs/parse-sets.ts";
import { parseNftables } from "../../src/modes/nftables/parse.ts";
import { parseIp } from "../../src/net/ip.ts";
import { suite } from "../support/suite.ts";

const test = suite("never passed over");

const tcp: PacketHead = {
  proto: 6,
  src: parseIp("10.0.0.9"),
  srcPort: 40_000,
  dst: parseIp("10.1.0.9"),
  dstPort: 80,
};

function traced(parts: Partial<NodeParts>, head: PacketHead = tcp, inInterface = "eth0"): PacketTrace {
  return tracePacket(assembleNode({ addresses: [], ...parts }).node, head, { inInterface });
}

/** `drop`; `undecided (drop or pass) WHY`. */
function said({ outcomes }: PacketTrace): string {
  return outcomes.map(outcomeText).join(", ");
}

function outcomeText({ verdict, by, ways }: PacketOutcome): string {
  if (verdict !== "undecided") return verdict;
  const both = ways === undefined ? "" : ` (${ways.holds[0]!.verdict} or ${ways.fails[0]!.verdict})`;
  return `undecided${both} ${by}`;
}

type Json = Readonly<Record<string, unknown>>;
const DROP = { drop: null };
const source = { payload: { protocol: "ip", field: "saddr" } };
const port = { payload: { protocol: "th", field: "dport" } };

interface Given {
  /** Sets and objects, before the rules. */
  readonly objects?: readonly Json[];
  readonly rest?: Json;
  readonly laterSeconds?: number;
}

/** A table with one chain before routing. */
function nft(
  rules: readonly (readonly unknown[])[],
  { objects = [], rest = {}, laterSeconds = 0 }: Given = {},
): NodeParts {
  const of = { family: "ip", table: "t" };
  const listed = [
    { table: { family: "ip", name: "t" } },
    ...objects.map((object) => {
      const [type, members] = Object.entries(object)[0]!;
      return { [type]: { ...of, ...(members as Json) } };
    }),
    { chain: { ...of, name: "c", type: "filter", hook: "prerouting", prio: -100, policy: "accept" } },
    ...rules.map((expr) => ({ rule: { ...of, chain: "c", expr, ...rest } })),
  ];
  return { addresses: [], nftables: parseNftables(JSON.stringify({ nftables: listed }), "dump"), laterSeconds };
}

/** One rule that drops behind a statement. */
function behind(statement: unknown, given?: Given): string {
  return said(traced(nft([[statement, DROP]], given)));
}

test("quotas: beyond one that is not used up nothing is dropped; one that is used up is over", () => {
  const quota = (members: Json): string => behind({ quota: members });
  assert.equal(quota({ val: 25, val_unit: "mbytes", inv: true }), "pass");
  assert.equal(quota({ val: 25, val_unit: "mbytes" }), "drop");
  assert.equal(quota({ val: 1, val_unit: "kbytes", used: 1024, used_unit: "bytes", inv: true }), "drop");
  assert.equal(quota({ val: 1, val_unit: "kbytes", used: 1023, used_unit: "bytes", inv: true }), "pass");
  assert.match(
    quota({ val: 1, val_unit: "parsecs" }),
    /^undecided \(drop or pass\) .*what .*parsecs.* is not understood/,
  );
  const trace = traced(nft([[{ quota: { val: 25, val_unit: "mbytes", inv: true } }, DROP]]));
  assert.ok(trace.assumptions.some((text) => /quotas .* still are not/.test(text)));
});

test("objects by their name: a limit, a quota, a counter; one that is not there is undecided", () => {
  const objects = [
    { limit: { name: "over", rate: 10, per: "second", inv: true } },
    { limit: { name: "upto", rate: 10, per: "second" } },
    { quota: { name: "spent", bytes: 100, used: 100, inv: true } },
    { counter: { name: "seen", packets: 1, bytes: 60 } },
  ];
  const by = (statement: unknown): string => behind(statement, { objects });
  assert.deepEqual([{ limit: "over" }, { limit: "upto" }, { quota: "spent" }, { counter: "seen" }].map(by), [
    "pass",
    "drop",
    "drop",
    "drop",
  ]);
  assert.match(by({ limit: "missing" }), /^undecided \(drop or pass\)/);
  // Of a map of objects nobody knows whether it has one for the packet, and without one the rule ends.
  assert.match(
    by({ "ct helper": { map: { key: port, data: { set: [[21, "ftp"]] } } } }),
    /^undecided \(drop or pass\)/,
  );
});

test("meters and updates of sets run what they hold", () => {
  const over = { limit: { rate: 3, burst: 5, per: "second", inv: true } };
  const upto = { limit: { rate: 3, burst: 5, per: "second" } };
  const meter = (stmt: unknown): string => behind({ meter: { key: source, stmt, size: 65_535, name: "m" } });
  assert.deepEqual([meter(over), meter(upto)], ["pass", "drop"]);
  const objects = [{ set: { name: "s", type: "ipv4_addr" } }];
  const update = (stmt: unknown): string =>
    behind({ set: { op: "update", elem: source, set: "@s", stmt } }, { objects });
  assert.deepEqual([update([over]), update([upto]), update([{ counter: null }])], ["pass", "drop", "drop"]);
  assert.match(update([{ "ct count": { val: 3, inv: true } }]), /^undecided \(drop or pass\) .*ct count/);
});

test("a set has what the packet's own rules put into it before", () => {
  const objects = [{ set: { name: "s", type: "ipv4_addr", elem: ["10.0.0.8"] } }];
  const inSet = { match: { op: "==", left: source, right: "@s" } };
  const notIn = { match: { op: "!=", left: source, right: "@s" } };
  const change = (op: string): unknown[] => [{ set: { op, elem: source, set: "@s" } }];
  const of = (rules: readonly (readonly unknown[])[], head: PacketHead = tcp): string =>
    said(traced(nft(rules, { objects }), head));
  assert.equal(of([[inSet, DROP]]), "pass");
  assert.equal(of([change("add"), [inSet, DROP]]), "drop");
  assert.equal(of([change("add"), [notIn, DROP]]), "pass");
  const member = { ...tcp, src: parseIp("10.0.0.8") };
  assert.equal(of([[inSet, DROP]], member), "drop");
  assert.equal(of([change("delete"), [inSet, DROP]], member), "pass");
});

test("what takes a packet elsewhere, or nobody knows, is undecided by name, and shown both ways", () => {
  const whole = (statement: unknown): string => said(traced(nft([[statement], [DROP]])));
  for (const statement of [
    { queue: { num: 1 } },
    { synproxy: { mss: 1460 } },
    { fwd: { dev: "eth1" } },
    { dnat: { family: "ip", addr: "10.2.0.1", unheard: true } },
    { unheard: { of: 1 } },
    { mangle: { key: { ct: { key: "zone" } }, value: 5 } },
    { mangle: { key: { meta: { key: "pkttype" } }, value: "host" } },
    { mangle: { key: { payload: { protocol: "tcp", field: "dport" } }, value: 81 } },
  ]) {
    const name = Object.keys(statement)[0]!;
    assert.match(whole(statement), /^undecided \(undecided or drop\) ip t\/c: /, name);
  }
  // A socket may take the packet; without one the rule ends.
  assert.match(whole({ tproxy: { port: 8080 } }), /^undecided \(drop or drop\)|^drop/);
  const taken = nft([[{ tproxy: { family: "ip", port: 8080 } }, { accept: null }], [DROP]]);
  assert.match(said(traced(taken)), /^undecided \(local or drop\) ip t\/c: whether a transparent socket listens there/);
});

test("extensions of iptables that nft lists without a word may do anything; its matches hold or fail", () => {
  const whole = (statement: unknown): string => said(traced(nft([[statement], [DROP]])));
  assert.match(whole({ xt: null }), /^undecided \(undecided or drop\)/);
  assert.match(whole({ xt: { type: "target", name: "SYNPROXY" } }), /^undecided \(undecided or drop\)/);
  assert.match(behind({ xt: { type: "match", name: "u32" } }), /^undecided \(drop or pass\)/);
  assert.equal(behind({ xt: { type: "match", name: "comment" } }), "drop");
});

test("none of several flags", () => {
  const flags = { payload: { protocol: "tcp", field: "flags" } };
  const none = (right: unknown): string => behind({ match: { op: "!", left: flags, right } });
  assert.deepEqual(
    [none("syn"), none("ack"), none(["syn", "ack"]), none(["rst", "ack"])],
    ["pass", "drop", "pass", "drop"],
  );
});

test("what changes nothing about where a packet goes is no doubt", () => {
  for (const statement of [
    { flow: { op: "add", flowtable: "@ft" } },
    { "ct helper": "ftp" },
    { "ct timeout": "slow" },
    { secmark: "ssh" },
    { last: { used: null } },
    { dup: { addr: "10.0.0.1" } },
    { reset: { "tcp option": { name: "sack-perm" } } },
    { mangle: { key: { "tcp option": { name: "maxseg", field: "size" } }, value: 1400 } },
    { mangle: { key: { payload: { protocol: "ip", field: "dscp" } }, value: "cs1" } },
    { mangle: { key: { meta: { key: "priority" } }, value: "1:2" } },
  ]) {
    assert.equal(behind(statement), "drop", JSON.stringify(statement));
  }
  const { assumptions } = traced(nft([[{ flow: { op: "add", flowtable: "@ft" } }]]));
  assert.ok(assumptions.some((text) => /no flowtable has taken the flow over/.test(text)));
});

test("maps: what no element has is that of *, between concatenated ranges too; limits of elements are in doubt", () => {
  const key = { concat: [source, port] };
  const element = (prefix: [string, number], ports: [number, number], verdict: unknown): unknown => [
    { concat: [{ prefix: { addr: prefix[0], len: prefix[1] } }, { range: ports }] },
    verdict,
  ];
  const vmap = (...set: readonly unknown[]): string => said(traced(nft([[{ vmap: { key, data: { set } } }]])));
  const near = element(["10.0.0.0", 24], [80, 90], { accept: null });
  const far = element(["10.0.9.0", 24], [80, 90], { accept: null });
  assert.equal(vmap(near, ["*", DROP]), "pass");
  assert.equal(vmap(far, ["*", DROP]), "drop");
  assert.equal(vmap(element(["10.0.0.0", 24], [81, 90], { accept: null }), ["*", DROP]), "drop");
  const inSet = (...set: readonly unknown[]): string => behind({ match: { op: "==", left: source, right: { set } } });
  assert.equal(inSet({ elem: { val: "10.0.0.9", counter: { packets: 0, bytes: 0 } } }), "drop");
  assert.match(
    inSet({ elem: { val: "10.0.0.9", limit: { rate: 1, per: "second", inv: true } } }),
    /^undecided \(drop or pass\)/,
  );
});

test("elements of sets whose time is over are gone; of sets of iptables too", () => {
  const objects = [
    { set: { name: "s", type: "ipv4_addr", elem: [{ elem: { val: "10.0.0.9", timeout: 60, expires: 20 } }] } },
  ];
  const inSet = { match: { op: "==", left: source, right: "@s" } };
  assert.deepEqual(
    [0, 19, 20].map((laterSeconds) => behind(inSet, { objects, laterSeconds })),
    ["drop", "drop", "pass"],
  );
  const rules = "*filter\n:FORWARD ACCEPT\n-A FORWARD -m set --match-set s src -j DROP\nCOMMIT\n";
  const sets = parseSets("create s hash:ip timeout 60\nadd s 10.0.0.9 timeout 20\n");
  const iptables = [parseIptables(rules, 4)];
  assert.deepEqual(
    [19, 20].map((laterSeconds) => said(traced({ iptables, sets, laterSeconds }))),
    ["drop", "pass"],
  );
});

test("a rule with more to it than is known is undecided by what that is", () => {
  assert.match(
    said(traced(nft([[DROP]], { rest: { schedule: "nightly" } }))),
    /^undecided \(undecided or drop\) ip t\/c: what schedule of the rule means is not understood/,
  );
});

function iptables(table: string, ...rules: readonly string[]): Pick<NodeParts, "iptables"> {
  const [chain] = rules[0]!.split(" ").slice(1);
  return { iptables: [parseIptables(`*${table}\n:${chain} ACCEPT\n${rules.join("\n")}\nCOMMIT\n`, 4)] };
}

test("-m recent: whom this packet's own rules remembered has one hit", () => {
  const of = (...rules: readonly string[]): string =>
    said(traced(iptables("filter", ...rules.map((rule) => `-A FORWARD -m recent ${rule}`))));
  assert.equal(of("--rcheck --seconds 60 --reap --name a --mask 255.255.255.255 --rsource -j DROP"), "pass");
  for (const set of ["--set --name a --mask 255.255.255.255 --rsource", "--name a --set"]) {
    for (const check of [
      "--rcheck --seconds 60 --reap --name a --mask 255.255.255.255 --rsource -j DROP",
      "--name a --update --seconds 60 -j DROP",
      "--name a --remove -j DROP",
    ])
      assert.equal(of(set, check), "drop", `${set}; ${check}`);
    // As ufw limits: the sixth within half a minute.
    assert.equal(of(set, "--name a --update --seconds 30 --hitcount 6 -j DROP"), "pass");
    assert.equal(of(set, "--name b --rcheck -j DROP"), "pass");
  }
  assert.equal(of("--name a --set", "--name a --remove", "--name a --rcheck -j DROP"), "pass");
});

test("zones of conntrack are in doubt by name, and connections of others are not the packet's", () => {
  assert.match(
    said(traced(iptables("raw", "-A PREROUTING -j CT --zone 5"))),
    /^undecided \(undecided or pass\) raw\/PREROUTING: which connections conntrack has in zone 5/,
  );
  const line = (zone: string): string =>
    "tcp 6 100 ESTABLISHED src=10.0.0.9 dst=10.1.0.9 sport=40000 dport=80 " +
    `src=10.2.0.1 dst=10.0.0.9 sport=8080 dport=40000 [ASSURED] mark=0${zone} use=1\n`;
  assert.equal(said(traced({ connections: parseConntrack(line("")) })), "forward");
  assert.equal(said(traced({ connections: parseConntrack(line(" zone=5")) })), "pass");
  assert.equal(said(traced({ connections: parseConntrack(line(" zone=0")) })), "forward");
});

test("a copy of the packet (TEE) is no doubt; a target without options that nobody knows is one", () => {
  assert.equal(said(traced(iptables("mangle", "-A PREROUTING -j TEE --gateway 10.0.0.1"))), "pass");
  assert.match(said(traced(iptables("mangle", "-A PREROUTING -j NFQUEUE"))), /^undecided .*what NFQUEUE does/);
});

test("a jump to what a dump does not have, cut off or a target of a module of its own, is in doubt by name", () => {
  const known = "what FULLCONENAT does is not known: table nat has no such chain";
  assert.equal(
    said(traced(iptables("nat", "-A PREROUTING -p tcp -j FULLCONENAT"))),
    `undecided (undecided or pass) nat/PREROUTING: ${known}`,
  );
  assert.equal(said(traced(iptables("nat", "-A PREROUTING -p udp -j FULLCONENAT"))), "pass");
  assert.match(
    said(traced(iptables("filter", "-A FORWARD -g GONE"))),
    /^undecided \(undecided or pass\) .*what GONE does/,
  );
});

test("the words of old versions of iptables: what is turned round has its mark behind the option", () => {
  const of = (rule: string): string => said(traced(iptables("filter", `-A FORWARD ${rule} -j DROP`)));
  for (const [rule, end] of [
    ["-s ! 10.0.0.9", "pass"],
    ["-d ! 10.0.0.9/32", "drop"],
    ["-i ! eth0", "pass"],
    ["-i ! cbr0", "drop"],
    ["-p ! tcp", "pass"],
    ["-p ! udp", "drop"],
  ] as const) {
    assert.equal(of(rule), end, rule);
  }
});

test("sets: names of interfaces that stand for all that begin so, ports that were drawn, types of ICMP", () => {
  const of = (create: string, add: string, directions: string, head: PacketHead = tcp): string => {
    const rules = iptables("filter", `-A FORWARD -m set --match-set s ${directions} -j DROP`);
    return said(traced({ ...rules, sets: parseSets(`create s ${create}\nadd s ${add}\n`) }, head));
  };
  assert.equal(of("hash:net,iface", "10.0.0.0/24,eth", "src,src"), "pass");
  assert.equal(of("hash:net,iface", "10.0.0.0/24,eth wildcard", "src,src"), "drop");
  assert.equal(of("hash:net,iface", "10.0.0.0/24,cali wildcard", "src,src"), "pass");
  const ping = { ...tcp, proto: 1, srcPort: 0, dstPort: 0, icmp: { type: 8, code: 0 } };
  assert.match(of("hash:ip,port", "10.0.0.9,icmp:echo-request", "src,src", ping), /^undecided \(drop or pass\)/);
});

test("sets: whether a port that was drawn is in one is in doubt", () => {
  // Of tables of iptables only the security table stands behind the NAT that draws, and it has no POSTROUTING: a
  // destination that is drawn before routing is seen by all that follow.
  const rules = `*nat
:PREROUTING ACCEPT
-A PREROUTING -p tcp -j DNAT --to-destination 10.1.0.8:2000-2010 --random
COMMIT
*filter
:FORWARD ACCEPT
-A FORWARD -m set --match-set s dst,dst -j DROP
COMMIT
`;
  const sets = parseSets("create s hash:ip,port\nadd s 10.1.0.8,tcp:2000\n");
  assert.match(
    said(traced({ iptables: [parseIptables(rules, 4)], sets })),
    /^undecided \(drop or forward\) filter\/FORWARD: what the set s tells entries apart by/,
  );
});

test("IPVS: an engine of persistence, and a flag of a scheduler, that nobody here can read", () => {
  const of = (options: string): string =>
    said(traced({ servers: parseServers(`-A -t 10.1.0.9:80 ${options}\n-a -t 10.1.0.9:80 -r 10.2.0.1:80 -m\n`) }));
  assert.equal(of("-s rr"), "forward");
  assert.match(of("-s rr -p 60 --pe sip"), /^undecided ipvs: .*clients are told apart by what sip reads/);
  assert.match(of("-s sh -b sh-sideways"), /^undecided ipvs: .*the flag sh-sideways of the scheduler is unknown/);
  assert.match(of("-s rr -b flag-3"), /^undecided ipvs: .*the flag flag-3 of the scheduler is unknown/);
  assert.match(of("-s unheard"), /^undecided ipvs: .*the scheduler unheard is unknown/);
  assert.equal(of("-s sh -b sh-port,sh-fallback"), "forward");
});

test("the answer's way is undecided where a rule that nobody understands would stop it", () => {
  const answered = (rule: string): PacketTrace =>
    traced(iptables("filter", "-A FORWARD -m conntrack --ctdir ORIGINAL -j ACCEPT", rule));
  const stopped = answered('-A FORWARD -m string --string "x" --algo bm -j DROP');
  const [outcome] = stopped.outcomes;
  assert.equal(outcome!.verdict, "pass");
  assert.equal(outcome!.back!.verdict, "undecided");
  assert.match(outcome!.back!.by, /^filter\/FORWARD: -m string .* is not understood$/);
  const text = renderPacketTrace(stopped, { program: "dump", service: undefined, reasons: [] });
  assert.match(text, /; whether the answer comes back is undecided: filter\/FORWARD: -m string/);
  const harmless = answered('-A FORWARD -m string --string "x" --algo bm -j ACCEPT');
  assert.equal(harmless.outcomes[0]!.back!.verdict, "pass");
});
