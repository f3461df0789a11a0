/** Every recorded dump answers; whatever is done to one, it answers too, or is refused with its place. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { isSluiceError, type SluiceError } from "../../src/core/errors.ts";
import { ONE, plus, sameFraction, ZERO } from "../../src/dataplane/emulated/netfilter/fraction.ts";
import { parseConntrack } from "../../src/dataplane/emulated/netfilter/parse-conntrack.ts";
import { parseIpAddr, parseIpRoute } from "../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { parseIpvsConnections } from "../../src/dataplane/emulated/netfilter/parse-ipvs-connections.ts";
import { assembleNode, type NodeParts } from "../../src/explain/assemble-node.ts";
import { readPastedIptables } from "../../src/explain/pasted-iptables.ts";
import { bareDump } from "../../src/explain/pasted-text.ts";
import { type PacketTrace, tracePacket } from "../../src/explain/trace-packet.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { parseServers } from "../../src/modes/ipvs/parse-servers.ts";
import { parseSets } from "../../src/modes/ipvs/parse-sets.ts";
import { parseNftables } from "../../src/modes/nftables/parse.ts";
import { parseIp } from "../../src/net/ip.ts";
import { inProject } from "../support/root.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("traces of dumps", { timeoutMs: 1_800_000 });

const golden = inProject("test", "golden");
const files = readdirSync(golden, { recursive: true, encoding: "utf8" }).map((name) => join(golden, name));
const iptablesFiles = files.filter((name) => /\.ip6?tables-save\.txt$/.test(name));
const nftFiles = files.filter((name) => name.endsWith(".nft.json.gz"));

const services = [
  ["10.0.0.7", "10.96.0.10", 80, 6],
  ["10.244.1.50", "10.96.0.10", 53, 17],
  ["10.0.0.7", "192.168.10.5", 30_080, 6],
  ["192.168.10.5", "10.96.0.10", 80, 6],
  ["fd00::7", "fd00:10:96::10", 80, 6],
] as const;

function traces(parts: Partial<NodeParts>): readonly PacketTrace[] {
  const { node } = assembleNode({ addresses: [parseIp("192.168.10.5")], ...parts });
  return services.map(([from, to, dstPort, proto]) =>
    tracePacket(node, { proto, src: parseIp(from), srcPort: 40_000, dst: parseIp(to), dstPort }),
  );
}

/** Probabilities of all outcomes are one, exactly; what is not understood is said. */
function assertWhole(all: readonly PacketTrace[]): void {
  for (const { outcomes } of all) {
    assert.ok(
      sameFraction(
        outcomes.reduce((sum, { exact }) => plus(sum, exact), ZERO),
        ONE,
      ),
    );
  }
}

test(`all ${iptablesFiles.length} recorded dumps of iptables answer`, () => {
  assert.ok(iptablesFiles.length > 100);
  for (const file of iptablesFiles) {
    const family = file.includes("ip6tables") ? 6 : 4;
    assertWhole(traces({ iptables: [parseIptables(readFileSync(file, "utf8"), family, file)] }));
  }
});

test(`all ${nftFiles.length} recorded dumps of nftables answer, and nothing in them is in doubt`, () => {
  assert.ok(nftFiles.length > 100);
  for (const file of nftFiles) {
    const all = traces({ nftables: parseNftables(gunzipSync(readFileSync(file)).toString(), file) });
    assertWhole(all);
    assert.ok(
      all.every(
        ({ outcomes, harmless }) => harmless.length === 0 && outcomes.every(({ doubt }) => doubt === undefined),
      ),
      file,
    );
  }
});

const pieces = [
  " ",
  "\n",
  "!",
  "-j",
  "-m",
  "--",
  '"',
  "{",
  "}",
  "[",
  ":",
  ",",
  "0",
  "99999",
  "10.96.0.10",
  "null",
  "tcp",
  "\u0000",
  "é",
];

/** Cuts, doubles and replaces parts of a text. */
function mutated(text: string): fc.Arbitrary<string> {
  const at = fc.nat(text.length);
  const change = fc.oneof(
    fc.tuple(at, fc.nat(12)).map(
      ([from, length]) =>
        (one: string) =>
          one.slice(0, from) + one.slice(from + length),
    ),
    fc.tuple(at, fc.constantFrom(...pieces)).map(
      ([from, piece]) =>
        (one: string) =>
          one.slice(0, from) + piece + one.slice(from),
    ),
    fc.tuple(at, fc.nat(60)).map(
      ([from, length]) =>
        (one: string) =>
          one.slice(0, from) + one.slice(from, from + length) + one.slice(from),
    ),
    fc.tuple(at, at).map(
      ([from, to]) =>
        (one: string) =>
          one.slice(0, from) + one.slice(to, to + 40) + one.slice(from + 40),
    ),
  );
  return fc
    .array(change, { minLength: 1, maxLength: 2 })
    .map((changes) => changes.reduce((one, make) => make(one), text));
}

/** Refusals have a place: a line and a column; of rules that cannot be walked, the chain. */
function assertRefused(error: unknown): void {
  if (isSluiceError(error, "INPUT_INVALID")) {
    const { line, column }: SluiceError<"INPUT_INVALID">["details"] = error.details;
    assert.ok(line !== undefined && column !== undefined, error.message);
  } else
    assert.ok(
      isSluiceError(error, "RULESET_UNKNOWN_CHAIN") || isSluiceError(error, "RULESET_LOOP"),
      String((error as Error).stack),
    );
}

/**
 * @param share of the mutants that are readable at the least, half of what was counted: a fuzz that only ever meets
 *   refusals tests no answer. Of a sample less is asked, as chance may have it.
 */
function fuzz(name: string, text: string, share: number, read: (text: string) => Partial<NodeParts>): void {
  const numRuns = runs(20_000, 300);
  const floor = share * numRuns * runs(1, 0.3);
  test(`${numRuns} mutated dumps of ${name}: a result that adds up to one, or an error with its place`, () => {
    let answered = 0;
    fc.assert(
      fc.property(mutated(text), (input) => {
        try {
          assertWhole(traces(read(input)));
          answered += 1;
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          assertRefused(error);
        }
      }),
      { seed, numRuns },
    );
    assert.ok(answered >= floor, `only ${answered} of ${numRuns} answered`);
    console.log(`${name}: ${answered} of ${numRuns} answered`);
  });
}

const scenario = join(golden, "kube-proxy", "003-clusterip-tcp-3ep", "expected");
const iptablesText = readFileSync(join(scenario, "00-initial.iptables.iptables-save.txt"), "utf8");
const rules = [parseIptables(iptablesText, 4)];
fuzz("iptables-save", iptablesText, 0.13, (text) => ({ iptables: [parseIptables(text, 4)] }));
const pasted = iptablesText
  .replaceAll(/^/gm, "> ")
  .replace("> ", "> ```console\n> # iptables-save\n> ")
  .concat("\n```\n");
fuzz("iptables-save, pasted", pasted, 0.2, (text) => ({ iptables: [readPastedIptables(text, 4, "paste").ruleset] }));
fuzz(
  "nft's JSON",
  gunzipSync(readFileSync(join(scenario, "00-initial.nftables.nft.json.gz"))).toString(),
  0.06,
  (text) => ({ nftables: parseNftables(text, "dump") }),
);
fuzz(
  "ipvsadm -S -n",
  "-A -t 10.96.0.10:80 -s wrr -p 30\n-a -t 10.96.0.10:80 -r 10.244.1.10:8080 -m -w 1\n-a -t 10.96.0.10:80 -r 10.244.1.11:8080 -m -w 3\n-A -f 7 -s mh -b mh-port\n-a -f 7 -r 10.244.1.9:0 -m -w 1\n",
  0.025,
  (text) => ({ servers: parseServers(text) }),
);
const servers = parseServers(
  "-A -t 10.96.0.10:80 -s lc -p 30\n-a -t 10.96.0.10:80 -r 10.244.1.10:8080 -m -w 1\n-a -t 10.96.0.10:80 -r 10.244.1.11:8080 -m -w 3\n",
);
fuzz(
  "ipvsadm -L -n -c",
  "IPVS connection entries\npro expire state       source             virtual            destination\nTCP 14:58  ESTABLISHED 10.0.0.7:40000     10.96.0.10:80      10.244.1.10:8080\nTCP 00:28  NONE        10.0.0.7:0         10.96.0.10:80      10.244.1.9:8080\n",
  0.13,
  (text) => ({ servers, ipvsEntries: parseIpvsConnections(text) }),
);
fuzz(
  "ipset save",
  "create a hash:ip,port family inet hashsize 1024 maxelem 65536\nadd a 10.96.0.10,tcp:80\ncreate b hash:net\nadd b 10.0.0.0/8\nadd b 10.1.0.0/16 nomatch\n",
  0.065,
  (text) => ({ iptables: rules, sets: parseSets(text) }),
);
fuzz(
  "conntrack -L",
  "tcp 6 100 ESTABLISHED src=10.0.0.7 dst=10.96.0.10 sport=40000 dport=80 src=10.244.1.10 dst=192.168.10.5 sport=8080 dport=50000 [ASSURED] mark=0 use=1\nudp 17 9 src=10.244.1.50 dst=10.96.0.10 sport=40000 dport=53 [UNREPLIED] src=10.244.1.9 dst=10.244.1.50 sport=53 dport=40000 mark=0 use=1\n",
  0.16,
  (text) => ({ iptables: rules, connections: parseConntrack(text) }),
);
fuzz(
  "ip -j addr",
  '[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},{"ifindex":2,"ifname":"eth0","addr_info":[{"family":"inet","local":"192.168.10.5","prefixlen":24,"broadcast":"192.168.10.255"},{"family":"inet6","local":"fd00::5","prefixlen":64}]}]',
  0.065,
  (text) => ({ iptables: rules, interfaces: parseIpAddr(text) }),
);
fuzz(
  "ip -j route",
  '[{"dst":"default","nexthops":[{"gateway":"192.168.10.1","dev":"eth0","weight":2,"flags":[]},{"gateway":"192.168.11.1","dev":"eth1","weight":1,"flags":[]}]},{"dst":"10.244.1.0/24","dev":"cni0","scope":"link","prefsrc":"10.244.1.1","flags":["linkdown"]},{"type":"blackhole","dst":"10.9.0.0/16"}]',
  0.07,
  (text) => ({ iptables: rules, routes: parseIpRoute(text) }),
);
fuzz(
  "ipvsadm -L -n",
  "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\nTCP  10.96.0.10:80 wrr persistent 30\n  -> 10.244.1.10:8080             Masq    1      0          0\n  -> 10.244.1.11:8080             Masq    3      1          2\nFWM  7 mh (mh-port)\n  -> 10.244.1.9:0                 Masq    1      0          0\n",
  0.02,
  (text) => ({ servers: parseServers(bareDump(text).text) }),
);
fuzz(
  "ipset list",
  "Name: a\nType: hash:ip,port\nRevision: 5\nHeader: family inet hashsize 1024 maxelem 65536\nSize in memory: 352\nReferences: 1\nNumber of entries: 1\nMembers:\n10.96.0.10,tcp:80\n\nName: b\nType: hash:net\nHeader: family inet\nMembers:\n10.0.0.0/8\n10.1.0.0/16 nomatch\n",
  0.02,
  (text) => ({ iptables: rules, sets: parseSets(bareDump(text).text) }),
);
fuzz(
  "ip addr",
  "1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue state UNKNOWN\n    inet 127.0.0.1/8 scope host lo\n2: eth0@if7: <UP> mtu 1500 master br0 state UP\n    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n    bridge_slave state forwarding hairpin on\n    inet 192.168.10.5/24 brd 192.168.10.255 scope global eth0\n    inet6 fd00::5/64 scope global\n",
  0.02,
  (text) => ({ iptables: rules, interfaces: parseIpAddr(bareDump(text).text) }),
);
fuzz(
  "ip route",
  "default via 192.168.10.1 dev eth0 src 192.168.10.5 metric 100\n10.244.1.0/24 dev cni0 scope link src 10.244.1.1 linkdown\n10.8.0.0/16\n\tnexthop via 192.168.10.2 dev eth0 weight 2\n\tnexthop dev eth1 weight 1\nblackhole 10.9.0.0/16\n",
  0.02,
  (text) => ({ iptables: rules, routes: parseIpRoute(bareDump(text).text) }),
);
