import assert from "node:assert/strict";
import { renderIptables, renderRule } from "../../../src/modes/iptables/render.ts";
import type { IptablesRuleset, Match, OwnMatch, OwnTarget, Target } from "../../../src/modes/iptables/ruleset.ts";
import { parseCidr } from "../../../src/net/cidr.ts";
import { SCTP, TCP, UDP } from "../../../src/net/flow.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";

const test = suite("iptables text");

/** `restore`, and `save` where it differs. */
type Expected = readonly [restore: string, save?: string];

const range = parseCidr("10.244.0.0/16");
const host = parseCidr("10.96.0.1/32");

/** Every kind of condition, plain and turned round; a kind that is missing here is a type error. */
const matches: Readonly<Record<OwnMatch["kind"], readonly (readonly [Match, ...Expected])[]>> = {
  source: [
    [{ kind: "source", range }, "-s 10.244.0.0/16"],
    [{ kind: "source", range, not: true }, "! -s 10.244.0.0/16"],
    [{ kind: "source", range: host }, "-s 10.96.0.1", "-s 10.96.0.1/32"],
    // The kernel does not keep a range of everything.
    [{ kind: "source", range: parseCidr("0.0.0.0/0") }, "-s 0.0.0.0/0", ""],
  ],
  destination: [
    [{ kind: "destination", range: host }, "-d 10.96.0.1", "-d 10.96.0.1/32"],
    [{ kind: "destination", range, not: true }, "! -d 10.244.0.0/16"],
    [{ kind: "destination", range: parseCidr("::/0"), not: true }, "! -d ::/0"],
    [{ kind: "destination", range: parseCidr("fd00::1/128") }, "-d fd00::1", "-d fd00::1/128"],
  ],
  "in-interface": [
    [{ kind: "in-interface", name: "cni0" }, "-i cni0"],
    [{ kind: "in-interface", name: "veth+", not: true }, "! -i veth+"],
  ],
  "out-interface": [
    [{ kind: "out-interface", name: "eth0" }, "-o eth0"],
    [{ kind: "out-interface", name: "eth0.100", not: true }, "! -o eth0.100"],
  ],
  protocol: [
    [{ kind: "protocol", proto: TCP }, "-p tcp"],
    [{ kind: "protocol", proto: SCTP, not: true }, "! -p sctp"],
  ],
  "destination-port": [
    [{ kind: "destination-port", proto: UDP, port: 53 }, "-m udp --dport 53"],
    [{ kind: "destination-port", proto: TCP, port: 80, not: true }, "-m tcp ! --dport 80"],
  ],
  "protocol-module": [[{ kind: "protocol-module", proto: SCTP }, "-m sctp"]],
  comment: [
    [{ kind: "comment", text: "ns/svc:p" }, "-m comment --comment ns/svc:p", '-m comment --comment "ns/svc:p"'],
    [{ kind: "comment", text: "ns/svc cluster IP" }, '-m comment --comment "ns/svc cluster IP"'],
    [{ kind: "comment", text: "word" }, "-m comment --comment word"],
    [{ kind: "comment", text: "" }, '-m comment --comment ""'],
    [{ kind: "comment", text: "-j" }, '-m comment --comment "-j"', "-m comment --comment -j"],
    [{ kind: "comment", text: "a \"b\" \\ 'c'" }, '-m comment --comment "a \\"b\\" \\\\ \\\'c\\\'"'],
  ],
  mark: [
    [
      { kind: "mark", value: 0x4000, mask: 0x4000 },
      "-m mark --mark 0x00004000/0x00004000",
      "-m mark --mark 0x4000/0x4000",
    ],
    [{ kind: "mark", value: 0x80000000, mask: 0x80000000, not: true }, "-m mark ! --mark 0x80000000/0x80000000"],
    [{ kind: "mark", value: 1, mask: 0xffff_ffff }, "-m mark --mark 0x00000001/0xffffffff", "-m mark --mark 0x1"],
  ],
  "conntrack-state": [
    [{ kind: "conntrack-state", states: ["NEW"] }, "-m conntrack --ctstate NEW"],
    [{ kind: "conntrack-state", states: ["RELATED", "DNAT"], not: true }, "-m conntrack ! --ctstate RELATED,DNAT"],
  ],
  state: [
    [{ kind: "state", states: ["NEW"] }, "-m state --state NEW"],
    [{ kind: "state", states: ["ESTABLISHED"], not: true }, "-m state ! --state ESTABLISHED"],
  ],
  "source-type": [
    [{ kind: "source-type", type: "LOCAL" }, "-m addrtype --src-type LOCAL"],
    [{ kind: "source-type", type: "LOCAL", not: true }, "-m addrtype ! --src-type LOCAL"],
  ],
  "destination-type": [
    [{ kind: "destination-type", type: "LOCAL" }, "-m addrtype --dst-type LOCAL"],
    [{ kind: "destination-type", type: "LOCAL", not: true }, "-m addrtype ! --dst-type LOCAL"],
  ],
  "statistic-random": [
    [
      { kind: "statistic-random", threshold: 715827883 },
      "-m statistic --mode random --probability 0.3333333333",
      "-m statistic --mode random --probability 0.33333333349",
    ],
    [
      { kind: "statistic-random", threshold: 2 ** 30, not: true },
      "-m statistic --mode random ! --probability 0.5000000000",
      "-m statistic --mode random ! --probability 0.50000000000",
    ],
  ],
  "recent-set": [
    [
      { kind: "recent-set", list: "KUBE-SEP-A" },
      "-m recent --name KUBE-SEP-A --set",
      "-m recent --set --name KUBE-SEP-A --mask 255.255.255.255 --rsource",
    ],
  ],
  "recent-check": [
    [
      { kind: "recent-check", list: "KUBE-SEP-A", seconds: 10800 },
      "-m recent --name KUBE-SEP-A --rcheck --seconds 10800 --reap",
      "-m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-A --mask 255.255.255.255 --rsource",
    ],
  ],
  nfacct: [[{ kind: "nfacct", counter: "drops" }, "-m nfacct --nfacct-name drops", "-m nfacct --nfacct-name  drops"]],
  set: [
    [{ kind: "set", set: "KUBE-CLUSTER-IP", dimensions: ["dst", "dst"] }, "-m set --match-set KUBE-CLUSTER-IP dst,dst"],
    [{ kind: "set", set: "KUBE-IPVS-IPS", dimensions: ["dst"], not: true }, "-m set ! --match-set KUBE-IPVS-IPS dst"],
  ],
  "physdev-is-in": [
    [{ kind: "physdev-is-in" }, "-m physdev --physdev-is-in"],
    [{ kind: "physdev-is-in", not: true }, "-m physdev ! --physdev-is-in"],
  ],
  ipvs: [
    [
      { kind: "ipvs", vaddr: host, proto: TCP, port: 80 },
      "-m ipvs --vproto tcp --vaddr 10.96.0.1 --vport 80",
      "-m ipvs --vproto 6 --vaddr 10.96.0.1 --vport 80",
    ],
  ],
};

const targets: Readonly<Record<OwnTarget["kind"], readonly (readonly [Target, ...Expected])[]>> = {
  jump: [[{ kind: "jump", chain: "KUBE-SERVICES" }, "-j KUBE-SERVICES"]],
  goto: [[{ kind: "goto", chain: "KUBE-SERVICES" }, "-g KUBE-SERVICES"]],
  accept: [[{ kind: "accept" }, "-j ACCEPT"]],
  drop: [[{ kind: "drop" }, "-j DROP"]],
  return: [[{ kind: "return" }, "-j RETURN"]],
  reject: [
    [{ kind: "reject" }, "-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"],
    [{ kind: "reject", with: "tcp-reset" }, "-j REJECT --reject-with tcp-reset"],
  ],
  mark: [
    [
      { kind: "mark", value: 0x4000, mask: 0x4000 },
      "-j MARK --or-mark 0x00004000",
      "-j MARK --set-xmark 0x4000/0x4000",
    ],
    [{ kind: "mark", value: 0x4000, mask: 0 }, "-j MARK --xor-mark 0x00004000", "-j MARK --set-xmark 0x4000/0x0"],
    [
      { kind: "mark", value: 1, mask: 0xff },
      "-j MARK --set-xmark 0x00000001/0x000000ff",
      "-j MARK --set-xmark 0x1/0xff",
    ],
  ],
  masquerade: [
    [{ kind: "masquerade", randomFully: true }, "-j MASQUERADE --random-fully"],
    [{ kind: "masquerade", randomFully: false }, "-j MASQUERADE"],
    [
      { kind: "masquerade", randomFully: false, random: true, ports: { first: 1000, last: 2000 } },
      "-j MASQUERADE --to-ports 1000-2000 --random",
    ],
  ],
  dnat: [
    [{ kind: "dnat", to: { ip: parseIp("10.0.0.1"), port: 80 } }, "-j DNAT --to-destination 10.0.0.1:80"],
    [{ kind: "dnat", to: { ip: parseIp("fd00::1"), port: 80 } }, "-j DNAT --to-destination [fd00::1]:80"],
    [{ kind: "dnat", to: { ip: parseIp("fd00::1"), port: 0 } }, "-j DNAT --to-destination fd00::1"],
  ],
  redirect: [
    [{ kind: "redirect", port: 36000 }, "-j REDIRECT --to-ports 36000"],
    [{ kind: "redirect", port: 0 }, "-j REDIRECT"],
  ],
};

test("every condition has its text in both formats", () => {
  for (const [match, restore, save = restore] of Object.values(matches).flat()) {
    assert.equal(renderRule({ matches: [match] }, 4, "restore"), restore);
    assert.equal(renderRule({ matches: [match] }, 4, "save"), save);
  }
});

test("every target has its text in both formats", () => {
  for (const [target, restore, save = restore] of Object.values(targets).flat()) {
    assert.equal(renderRule({ matches: [], target }, 4, "restore"), restore);
    assert.equal(renderRule({ matches: [], target }, 4, "save"), save);
  }
});

test("IPv6 has its own mask and its own ICMP", () => {
  const mask = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const seen: Match = { kind: "recent-set", list: "L" };
  assert.equal(
    renderRule({ matches: [seen], target: { kind: "reject" } }, 6, "save"),
    `-m recent --set --name L --mask ${mask} --rsource -j REJECT --reject-with icmp6-port-unreachable`,
  );
});

/** A rule with conditions in the order in which kube-proxy writes them. */
const masquerade: readonly Match[] = [
  { kind: "comment", text: "a/b cluster IP" },
  { kind: "destination-port", proto: TCP, port: 80 },
  { kind: "protocol", proto: TCP },
  { kind: "destination", range: host },
  { kind: "source", range, not: true },
];

test("restore keeps the order of the data, but a port waits for its protocol and the destination", () => {
  assert.equal(
    renderRule({ matches: masquerade }, 4, "restore"),
    '-m comment --comment "a/b cluster IP" -m tcp -p tcp -d 10.96.0.1 --dport 80 ! -s 10.244.0.0/16',
  );
});

test("a port behind its protocol waits for nothing", () => {
  const dumped: readonly Match[] = [masquerade[2]!, masquerade[1]!, masquerade[3]!];
  assert.equal(renderRule({ matches: dumped }, 4, "restore"), "-p tcp -m tcp --dport 80 -d 10.96.0.1");
});

test("save puts addresses, interfaces and protocol in front, in the kernel's order", () => {
  const all: readonly Match[] = [
    ...masquerade,
    { kind: "out-interface", name: "eth1" },
    { kind: "in-interface", name: "eth0" },
    { kind: "mark", value: 1, mask: 1 },
  ];
  assert.equal(
    renderRule({ matches: all }, 4, "save"),
    '! -s 10.244.0.0/16 -d 10.96.0.1/32 -i eth0 -o eth1 -p tcp -m comment --comment "a/b cluster IP" ' +
      "-m tcp --dport 80 -m mark --mark 0x1/0x1",
  );
});

const jumpTo = (chain: string): Target => ({ kind: "jump", chain });
const ruleset: IptablesRuleset = {
  family: 4,
  tables: [
    {
      name: "filter",
      chains: [
        {
          name: "INPUT",
          policy: "DROP",
          rules: [
            { matches: [], target: jumpTo("KUBE-B") },
            { matches: [], target: jumpTo("KUBE-A") },
          ],
        },
        { name: "KUBE-B", rules: [{ matches: [{ kind: "comment", text: "only counts" }] }] },
        { name: "KUBE-A", rules: [] },
      ],
    },
    { name: "nat", chains: [] },
  ],
};

test("restore puts jumps in front of what the kernel's chains hold, and leaves their policy alone", () => {
  assert.equal(
    renderIptables(ruleset, "restore"),
    `*filter
:KUBE-B - [0:0]
:KUBE-A - [0:0]
-I INPUT -j KUBE-A
-I INPUT -j KUBE-B
-A KUBE-B -m comment --comment "only counts"
COMMIT
*nat
COMMIT
`,
  );
});

test("save lists the kernel's chains first and the others by name", () => {
  assert.equal(
    renderIptables(ruleset, "save"),
    `*filter
:INPUT DROP [0:0]
:KUBE-A - [0:0]
:KUBE-B - [0:0]
-A INPUT -j KUBE-B
-A INPUT -j KUBE-A
-A KUBE-B -m comment --comment "only counts"
COMMIT
*nat
COMMIT
`,
  );
});
