/** "Why not" where other programs' rules stop what services let through: who stops it, where, and what a client says. */
import assert from "node:assert/strict";
import { trace, type TraceArguments } from "../../src/cli/trace.ts";
import type { PacketTraceJson } from "../../src/explain/packet-trace-json.ts";
import { suite } from "../support/suite.ts";
import { dumpFiles } from "./dump-files.ts";

const test = suite("why not, of firewalls and network policies");
const { file } = dumpFiles(test);

const common = { all: false, o: "json", mode: "iptables", scheduler: "rr", masqueradeAll: false } as const;

async function json(given: Partial<TraceArguments>): Promise<PacketTraceJson> {
  const asked = { from: "203.0.113.9", to: "198.51.100.1:80", ...given };
  return JSON.parse(await trace({ ...common, ...asked })) as PacketTraceJson;
}

async function why(given: Partial<TraceArguments>): Promise<string> {
  const { outcomes, reasons } = await json(given);
  return `${outcomes.map(({ verdict }) => verdict).join()}: ${reasons.join("\n")}`;
}

/** A table with these rules, its own chains declared. */
function table(name: string, rules: readonly string[], policy = "ACCEPT"): string {
  const builtIn = new Set(["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]);
  const chains = new Set(
    rules.flatMap((rule) => [...rule.matchAll(/(?:^-A|-[jg]) ([\w-]+)/g)].map(([, chain]) => chain!)),
  );
  const others = [...chains].filter(
    (chain) => !builtIn.has(chain) && !/^(?:ACCEPT|DROP|REJECT|RETURN|DNAT|MARK)$/.test(chain),
  );
  const forward = name === "filter" ? [`:FORWARD ${policy} [0:0]`] : [];
  return [`*${name}`, ...forward, ...others.map((chain) => `:${chain} - [0:0]`), ...rules, "COMMIT", ""].join("\n");
}

const service = table("nat", [
  "-A PREROUTING -j KUBE-SERVICES",
  `-A KUBE-SERVICES -d 198.51.100.1/32 -p tcp -m comment --comment "shop/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-A`,
  "-A KUBE-SVC-A -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-A",
  "-A KUBE-SVC-A -j KUBE-SEP-B",
  "-A KUBE-SEP-A -p tcp -m tcp -j DNAT --to-destination 192.0.2.10:8080",
  "-A KUBE-SEP-B -p tcp -m tcp -j DNAT --to-destination 192.0.2.11:8080",
]);

/** Rules of table filter that stop what is forwarded, and what has to be said. */
const filters: readonly (readonly [
  whose: string,
  rules: readonly string[],
  policy: "ACCEPT" | "DROP",
  reason: RegExp,
])[] = [
  [
    "a policy",
    [],
    "DROP",
    /^drop: no rule of chain FORWARD accepts it, and the chain's policy is DROP, once it was sent on to an endpoint \(filter\/FORWARD: -P FORWARD DROP\)$/,
  ],
  [
    "Docker's policy",
    ["-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN"],
    "DROP",
    /^drop: no rule of chain FORWARD accepts it, and the chain's policy is DROP, which Docker sets, once it was sent on/,
  ],
  [
    "firewalld",
    ["-A FORWARD -j FORWARD_IN_ZONES", "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"],
    "ACCEPT",
    /^reject: a rule of firewalld refuses it, once it was sent on to an endpoint: a client says "no route to host" \(filter\//,
  ],
  [
    "anybody's",
    ["-A FORWARD -p tcp -j REJECT --reject-with tcp-reset"],
    "ACCEPT",
    /^reject: a rule refuses it, once it was sent on to an endpoint: a client says "connection refused" \(filter\//,
  ],
  [
    "ufw",
    ["-A FORWARD -j ufw-user-forward", "-A ufw-user-forward -p tcp -m tcp --dport 8080 -j REJECT"],
    "ACCEPT",
    /^reject: a rule of ufw refuses it, .*: a client says "connection refused" \(filter\/ufw-user-forward/,
  ],
  [
    "kube-router's policies",
    [
      "-A FORWARD -j KUBE-ROUTER-FORWARD",
      "-A KUBE-ROUTER-FORWARD -d 192.0.2.0/24 -j KUBE-POD-FW-A",
      `-A KUBE-POD-FW-A -m comment --comment "rule to REJECT traffic destined for POD name:web namespace: shop" -m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with icmp-port-unreachable`,
    ],
    "ACCEPT",
    /^reject: no network policy of kube-router lets it through, once it was sent on to an endpoint: a client says "connection/,
  ],
  [
    "Calico's policies",
    [
      "-A FORWARD -j cali-FORWARD",
      "-A cali-FORWARD -j cali-tw-cali1",
      `-A cali-tw-cali1 -m comment --comment "cali:A" -m comment --comment "Drop if no policies passed packet" -m mark --mark 0x0/0x20000 -j DROP`,
    ],
    "ACCEPT",
    /^drop: no network policy of Calico lets it through, once/,
  ],
  [
    "Weave Net's policies",
    ["-A FORWARD -j WEAVE-NPC", "-A FORWARD -j DROP"],
    "ACCEPT",
    /^drop: no network policy of Weave Net lets/,
  ],
  [
    "Docker's networks",
    ["-A FORWARD -j DOCKER-ISOLATION-STAGE-2", "-A DOCKER-ISOLATION-STAGE-2 -o eth0 -j DROP"],
    "ACCEPT",
    /^drop: Docker keeps its networks apart, once/,
  ],
  [
    "libvirt",
    ["-A FORWARD -j LIBVIRT_FWI", "-A LIBVIRT_FWI -j REJECT --reject-with icmp-port-unreachable"],
    "ACCEPT",
    /^reject: a rule of libvirt refuses it,/,
  ],
  [
    "conntrack's verdict",
    ["-A FORWARD -m conntrack --ctstate NEW -j DROP"],
    "ACCEPT",
    /^drop: a rule drops it, once it was sent on to an endpoint \(filter/,
  ],
];

test("whoever stops what a service sent on is named, and what a client says", async () => {
  for (const [whose, rules, policy, reason] of filters) {
    assert.match(await why({ iptablesSave: file(service + table("filter", rules, policy)) }), reason, whose);
  }
});

test("the node's own firewall stops what comes to the node itself", async () => {
  const iptablesSave = file(
    table("filter", [
      "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT",
      "-A INPUT -j f2b-sshd",
      "-A INPUT -j ts-input",
      "-A f2b-sshd -s 203.0.113.66/32 -j REJECT --reject-with icmp-port-unreachable",
      "-A ts-input -s 203.0.113.128/25 ! -i tailscale0 -j DROP",
      "-A INPUT -j REJECT --reject-with icmp-admin-prohibited",
    ]) + table("raw", ["-A PREROUTING -d 192.0.2.7/32 ! -i docker0 -j DROP"]),
  );
  const ipAddr = file("2: eth0: <UP>\n    inet 192.0.2.5/24 scope global eth0\n");
  const asked = (from: string, to: string): Promise<string> => why({ iptablesSave, ipAddr, from, to });
  assert.match(
    await asked("203.0.113.9", "192.0.2.5:30080"),
    /^reject: a rule refuses it: a client says "no route to host" \(/,
  );
  assert.match(await asked("203.0.113.66", "192.0.2.5:22"), /^reject: a rule of fail2ban refuses it: a client says/);
  assert.match(await asked("203.0.113.129", "192.0.2.5:22"), /^drop: a rule of Tailscale drops it \(/);
  assert.match(
    await asked("203.0.113.9", "192.0.2.7:80"),
    /^drop: Docker lets nobody reach a container past its published ports \(/,
  );
});

test("what is refused by way of IPv6, and UDP, has the client's own words", async () => {
  const reject = (answer: string): string =>
    file(`*filter\n:FORWARD ACCEPT\n-A FORWARD -j REJECT --reject-with ${answer}\nCOMMIT\n`);
  const six = { from: "2001:db8::9", to: "[2001:db8:1::1]:80" };
  assert.match(await why({ ...six, ip6tablesSave: reject("icmp6-adm-prohibited") }), /says "permission denied"/);
  assert.match(await why({ ...six, ip6tablesSave: reject("icmp6-no-route") }), /says "network is unreachable"/);
  assert.match(await why({ ...six, ip6tablesSave: reject("icmp6-addr-unreachable") }), /says "no route to host"/);
  assert.match(await why({ iptablesSave: reject("icmp-net-prohibited") }), /says "network is unreachable"/);
  assert.match(await why({ iptablesSave: reject("icmp-proto-unreachable") }), /says "protocol not available"/);
});

test("nftables: a policy, and a firewall's table", async () => {
  const base = { family: "inet", table: "firewalld" };
  const hook = { type: "filter", hook: "forward", prio: 10 };
  const of = (policy: string, expr?: readonly unknown[]): string =>
    file(
      JSON.stringify({
        nftables: [
          { table: { family: "inet", name: "firewalld" } },
          { chain: { ...base, name: "filter_FORWARD", ...hook, policy } },
          ...(expr === undefined ? [] : [{ rule: { ...base, chain: "filter_FORWARD", expr } }]),
        ],
      }),
    );
  assert.match(
    await why({ nftJson: of("drop") }),
    /^drop: no rule of chain filter_FORWARD accepts it, and the chain's policy is drop \(inet firewalld\/filter_FORWARD: policy drop\)$/,
  );
  const refusing = of("accept", [{ reject: { type: "icmpx", expr: "admin-prohibited" } }]);
  assert.match(
    await why({ nftJson: refusing }),
    /^reject: a rule of firewalld refuses it: a client says "no route to host" \(/,
  );
});

test("a dump of one table says that others may have a say; of all, nothing", async () => {
  const assumed = async (text: string): Promise<string> =>
    (await json({ iptablesSave: file(text) })).assumptions.join("\n");
  assert.match(
    await assumed(service),
    /\.txt has no table filter: if only some tables were dumped \(-t\), what others do/,
  );
  assert.match(await assumed(table("filter", [])), /\.txt has no table nat: if only some/);
  assert.doesNotMatch(await assumed(service + table("filter", [])), /has no table/);
});

test("rules that ask for interfaces nobody told of are said not to hold", async () => {
  const rules = [
    "-A FORWARD -i cali+ -j DROP",
    "-A FORWARD -o docker0 -j ACCEPT",
    "-A FORWARD -i eth0 -o lo -j ACCEPT",
  ];
  const iptablesSave = file(service + table("filter", rules));
  const { assumptions } = await json({ iptablesSave });
  assert.ok(
    assumptions.includes("no packet comes or goes by cali+, docker0, which rules ask for (ip addr and ip route tell)"),
    assumptions.join("\n"),
  );
  const ipAddr = file("2: eth0: <UP>\n    inet 192.0.2.5/24 scope global eth0\n");
  assert.doesNotMatch((await json({ iptablesSave, ipAddr })).assumptions.join("\n"), /which rules ask for/);
});

test("a packet that leaves by where it came in, as it came, may be answered past the node", async () => {
  const ipAddr = file(
    "2: eth0: <UP>\n    inet 192.0.2.5/24 scope global eth0\n3: cni0: <UP>\n    inet 10.1.0.1/24 scope global cni0\n",
  );
  const ipRoute = file("default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0\n10.1.0.0/24 dev cni0\n");
  const given = { ipAddr, ipRoute };
  const past = /leaves by eth0, by which it came in, with its source kept: an answer that does not come by this node/;
  const all = service + table("filter", []);
  assert.match(await why({ ...given, iptablesSave: file(all) }), past);
  assert.doesNotMatch(await why({ ...given, iptablesSave: file(all), from: "10.1.0.9" }), past);
  const masquerading = `${all}*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n`;
  assert.doesNotMatch(await why({ ...given, iptablesSave: file(masquerading) }), past);
  assert.doesNotMatch(await why({ iptablesSave: file(all) }), past, "nobody told of interfaces");
  assert.doesNotMatch(await why({ iptablesSave: file(all), ipAddr }), past, "nobody told of routes");
});

test("a packet that comes in by another way than answers go is lost to reverse path filtering", async () => {
  const ipAddr = file(
    "2: eth0: <UP>\n    inet 192.0.2.5/24 scope global eth0\n3: eth1: <UP>\n    inet 10.1.0.1/24 scope global eth1\n",
  );
  const ipRoute = file("default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0\n10.1.0.0/24 dev eth1\n");
  const given = { ipAddr, ipRoute, iptablesSave: file(service + table("filter", [])) };
  const filtered = /comes in by eth1, answers to 203\.0\.113\.9 leave by eth0: with rp_filter=1 the kernel drops it/;
  assert.match(await why({ ...given, inInterface: "eth1" }), filtered);
  assert.doesNotMatch(await why({ ...given, inInterface: "eth0" }), /rp_filter/);
});

test("a service's rules that nothing leads to, or that lead nowhere, are no service's lack", async () => {
  const missed =
    /^pass: the rules have shop\/web at 198\.51\.100\.1:80, and the packet does not come to them: none that matches leads from PREROUTING to KUBE-SERVICES$/;
  const all = service + table("filter", []);
  assert.match(await why({ iptablesSave: file(all.replace("-A PREROUTING -j KUBE-SERVICES\n", "")) }), missed);
  const before = all.replace("-A PREROUTING -j", "-A PREROUTING -p tcp -j ACCEPT\n-A PREROUTING -j");
  assert.match(
    await why({ iptablesSave: file(before) }),
    /^pass: the rules have shop\/web at 198\.51\.100\.1:80, and the packet does not come to them: nat\/PREROUTING: -A PREROUTING -p tcp -j ACCEPT is before them$/,
  );
  const empty = all.replace(/^-A KUBE-SVC-A .*\n/gm, "");
  assert.match(
    await why({ iptablesSave: file(empty) }),
    /^pass: the rules of shop\/web at 198\.51\.100\.1:80 send the packet to no endpoint$/,
  );
  assert.doesNotMatch(await why({ iptablesSave: file(all) }), /the rules /);
});

test("IPVS serves what is sent to the node: an address that is none of its own is passed on", async () => {
  const ipvs = file("-A -t 198.51.100.1:80 -s rr\n-a -t 198.51.100.1:80 -r 192.0.2.10:8080 -m -w 1\n");
  const addr = (own: string): string =>
    file(`2: eth0: <UP>\n    inet 192.0.2.5/24 scope global eth0\n9: kube-ipvs0: <NOARP>\n${own}`);
  assert.match(await why({ ipvs }), /^forward: /);
  assert.match(await why({ ipvs, ipAddr: addr("    inet 198.51.100.1/32 scope global kube-ipvs0\n") }), /^forward: /);
  assert.match(
    await why({ ipvs, ipAddr: addr("") }),
    /^pass: IPVS has a virtual server at 198\.51\.100\.1:80, and serves what is sent to the node alone: no interface of the node has 198\.51\.100\.1/,
  );
});

test("the list of all services has the cause of each that is stopped, and what was taken for granted", async () => {
  const refused = table("filter", [
    `-A FORWARD -m comment --comment "shop/web cluster IP" -d 192.0.2.10/31 -j REJECT --reject-with icmp-host-prohibited`,
  ]);
  const empty = `*filter
:KUBE-SERVICES - [0:0]
-A FORWARD -j KUBE-SERVICES
-A KUBE-SERVICES -d 198.51.100.2/32 -p tcp -m comment --comment "shop/db has no endpoints" -m tcp --dport 5432 -j REJECT
COMMIT
`;
  const iptablesSave = file(service + empty + refused.replace(":FORWARD ACCEPT [0:0]\n", ""));
  const given = { iptablesSave, from: "203.0.113.9", all: true, to: undefined };
  const listed = (await trace({ ...common, ...given, o: "table" })).split("\n");
  assert.match(
    listed[0]!,
    /^tcp 198\.51\.100\.1:80 +shop\/web +reject \(a rule refuses it, once .* "no route to host"\)$/,
  );
  assert.match(listed[1]!, /^tcp 198\.51\.100\.2:5432 +shop\/db +reject \(the service has no endpoints\)$/);
  assert.deepEqual(listed.slice(2, 5), [
    "",
    "taken for granted:",
    "  the node has one interface, eth0, with no known address (0.0.0.0 or :: stands for it)",
  ]);
  const json = JSON.parse(await trace({ ...common, ...given })) as readonly {
    readonly outcomes: readonly { readonly why?: string }[];
  }[];
  assert.equal(json[1]!.outcomes[0]!.why, "the service has no endpoints");
});

test("what decides outside of the rules is named by the chains of whose it is", async () => {
  const assumed = async (chain: string): Promise<string> =>
    (await json({ iptablesSave: file(`*filter\n:${chain} - [0:0]\nCOMMIT\n`) })).assumptions.join("\n");
  assert.match(
    await assumed("CILIUM_FORWARD"),
    /Cilium's programs of eBPF may decide before the rules do, and no dump has them/,
  );
  assert.match(await assumed("ANTREA-FORWARD"), /Antrea's flows of Open vSwitch may decide/);
  assert.match(await assumed("OVN-KUBE-NODEPORT"), /OVN-Kubernetes' flows of Open vSwitch may decide/);
  assert.doesNotMatch(await assumed("KUBE-SERVICES"), /may decide/);
});

test("a rule behind the one that stops the packet, which would let it through, is shown to be too late", async () => {
  const filter = (...rules: readonly string[]): string => file(service + table("filter", rules));
  const refuse = "-A FORWARD -j REJECT --reject-with icmp-host-prohibited";
  const accept = "-A FORWARD -d 192.0.2.0/24 -j ACCEPT";
  const late =
    /\nfilter\/FORWARD: -A FORWARD -d 192\.0\.2\.0\/24 -j ACCEPT would let it through, and stands behind that rule$/;
  assert.match(await why({ iptablesSave: filter(refuse, accept) }), late);
  assert.match(
    await why({ iptablesSave: filter(refuse, "-A FORWARD -j KUBE-FORWARD", "-A KUBE-FORWARD -p tcp -j ACCEPT") }),
    /\nfilter\/KUBE-FORWARD: -A KUBE-FORWARD -p tcp -j ACCEPT would let it through, and stands behind that rule$/,
  );
  const inside = ["-A FORWARD -j ours", accept, "-A ours -p tcp -j DROP"];
  assert.match(await why({ iptablesSave: filter(...inside) }), late);
  for (const rules of [[refuse], [accept, refuse], [refuse, "-A FORWARD -i lo -j ACCEPT"]]) {
    assert.doesNotMatch(await why({ iptablesSave: filter(...rules) }), /would let it through/);
  }
});

test("what goes on with another source is not said to go on as it is", async () => {
  const iptablesSave = file("*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -j SNAT --to-source 192.0.2.5\nCOMMIT\n");
  const text = await trace({ ...common, from: "203.0.113.9", to: "198.51.100.1:80", iptablesSave, o: "table" });
  assert.match(text, /\nno service's: routing takes it on, with another source\n/);
});

test("an answer that is stopped on its way back is a reason too", async () => {
  const ipvs = file("-A -t 198.51.100.1:80 -s rr\n-a -t 198.51.100.1:80 -r 192.0.2.10:8080 -m -w 1\n");
  const rules = ["-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN"];
  assert.match(
    await why({ ipvs, iptablesSave: file(table("filter", rules, "DROP")) }),
    /^forward: the answer does not come back: no rule of chain FORWARD accepts it, and the chain's policy is DROP \(filter\/FORWARD: -P FORWARD DROP\)$/,
  );
  assert.match(
    await why({ ipvs, iptablesSave: file(table("filter", ["-A FORWARD -j ufw-a", "-A ufw-a -j REJECT"])) }),
    /^forward: the answer does not come back: a rule of ufw refuses it \(filter\/ufw-a: /,
  );
});

test("IPVS: a process of the node that binds no address sends from the service's own", async () => {
  const ipvs = file("-A -t 198.51.100.1:80 -s rr\n-a -t 198.51.100.1:80 -r 192.0.2.10:8080 -m -w 1\n");
  const ipAddr = file(`2: eth0: <UP>
    inet 192.0.2.5/24 scope global eth0
9: kube-ipvs0: <NOARP>
    inet 198.51.100.1/32 scope global kube-ipvs0
`);
  const own = /^forward: a process of the node that binds no address sends from 198\.51\.100\.1 itself \(--from\)/;
  assert.match(await why({ ipvs, ipAddr, from: "192.0.2.5" }), own);
  assert.doesNotMatch(await why({ ipvs, ipAddr, from: "198.51.100.1" }), own);
  assert.doesNotMatch(await why({ ipvs, ipAddr }), own);
});

test("a client to whom no way leads comes from outside all the same", async () => {
  const iptablesSave = file(table("filter", ["-A FORWARD -i eth0 -j DROP"]) + service);
  const ipAddr = file(
    "2: eth0: <UP>\n    inet 192.0.2.5/24 scope global eth0\n3: cni0: <UP>\n    inet 10.1.0.1/24 scope global cni0\n",
  );
  const assumed = /^no way leads back to 203\.0\.113\.9: the packet comes in by eth0 \(--in-interface\)$/m;
  for (const routes of ["192.0.2.0/24 dev eth0\n", "192.0.2.0/24 dev eth0\nblackhole 203.0.113.0/24\n"]) {
    const given = { iptablesSave, ipAddr, ipRoute: file(routes) };
    const { inInterface, outcomes, assumptions } = await json(given);
    assert.deepEqual([inInterface, outcomes.map(({ verdict }) => verdict)], ["eth0", ["drop"]]);
    assert.match(assumptions.join("\n"), assumed);
    assert.doesNotMatch((await json({ ...given, inInterface: "cni0" })).assumptions.join("\n"), assumed);
  }
});
