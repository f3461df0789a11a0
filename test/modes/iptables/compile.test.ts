/** What each field of a Service does to the rules. The recordings prove the whole; these say which part is which. */
import assert from "node:assert/strict";
import type { Service } from "../../../src/cluster/objects.ts";
import type { IptablesOptions } from "../../../src/modes/iptables/options.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { addedBy, chainsOf, compiled } from "./chains.ts";

const test = suite("iptables mode: what a Service compiles to");

const web = "default/web:http";
/** The hashes of default/web:http over TCP, and of its endpoints 10.244.1.10:8080 (local) and 10.244.2.10:8080. */
const hash = "CDGGSHYLG3RE2FKL";
const localSep = "KUBE-SEP-GWQABTP5GBYXHJY5";
const remoteSep = "KUBE-SEP-IQIBSY2R4USWK4F3";
const [svc, svl, ext, fw] = ["SVC", "SVL", "EXT", "FW"].map((kind) => `KUBE-${kind}-${hash}`);
const at = (ip: string): string => `-m tcp -p tcp -d ${ip} --dport 80`;
const clusterIp = `-m comment --comment "${web} cluster IP" ${at("10.96.0.10")}`;
const lastRule =
  '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" ' +
  "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS";
const pods: IptablesOptions = { detectLocal: { by: "cluster-cidr", ranges: ["10.244.0.0/16", "fd00:10:244::/56"] } };

const local = endpoint("10.244.1.10", { nodeName: "node-a" });
const remote = endpoint("10.244.2.10", { nodeName: "node-b" });
const both = slice({ endpoints: [local, remote] });
const onlyRemote = slice({ endpoints: [remote] });
const external: Parameters<typeof service>[0] = {
  type: "LoadBalancer",
  ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }],
  externalIPs: ["192.0.2.10"],
  ingress: [{ ip: "203.0.113.10" }],
};
const fromLocal: Service = service({ ...external, externalTrafficPolicy: "Local", healthCheckNodePort: 32000 });

const sep = (ip: string): readonly string[] => [
  `-m comment --comment ${web} -s ${ip} -j KUBE-MARK-MASQ`,
  `-m comment --comment ${web} -m tcp -p tcp -j DNAT --to-destination ${ip}:8080`,
];
const balancing = [
  `-m comment --comment "${web} -> 10.244.1.10:8080" -m statistic --mode random --probability 0.5000000000 -j ${localSep}`,
  `-m comment --comment "${web} -> 10.244.2.10:8080" -j ${remoteSep}`,
];
const seps = { [`nat/${localSep}`]: sep("10.244.1.10"), [`nat/${remoteSep}`]: sep("10.244.2.10") };

test("a cluster IP: a jump, masquerading for clients that are no pods, and a pick of the endpoints", () => {
  assert.deepEqual(addedBy([node(), service(), both], pods), {
    "nat/KUBE-SERVICES": [`${clusterIp} -j ${svc}`, lastRule],
    [`nat/${svc}`]: [`${clusterIp} ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ`, ...balancing],
    ...seps,
  });
});

test("who is a pod: masquerading follows the way to detect local traffic", () => {
  const masquerading = (options: IptablesOptions): string | undefined =>
    addedBy([node(), service(), both], options)[`nat/${svc}`]!.find((rule) => rule.endsWith("MASQ"));
  const cases: readonly (readonly [IptablesOptions, string | undefined])[] = [
    [{}, undefined],
    [{ detectLocal: { by: "cluster-cidr", ranges: [] } }, undefined],
    [{ detectLocal: { by: "cluster-cidr", ranges: ["fd00::/8"] } }, undefined],
    [{ detectLocal: { by: "cluster-cidr", ranges: ["fd00::/8", "10.0.0.0/9", "10.128.0.0/9"] } }, " ! -s 10.0.0.0/9"],
    [{ detectLocal: { by: "node-cidr" } }, " ! -s 10.244.1.0/24"],
    [{ detectLocal: { by: "bridge-interface", name: "cni0" } }, " ! -i cni0"],
    [{ detectLocal: { by: "interface-prefix", prefix: "veth" } }, " ! -i veth+"],
    [{ masqueradeAll: true }, ""],
    [{ ...pods, masqueradeAll: true }, ""],
  ];
  for (const [options, match] of cases) {
    const expected = match === undefined ? undefined : `${clusterIp}${match} -j KUBE-MARK-MASQ`;
    assert.equal(masquerading(options), expected, JSON.stringify(options));
  }
});

test("without endpoints a service has no chains, and each of its addresses is refused", () => {
  const refused = (match: string): string => `-m comment --comment "${web} has no endpoints" ${match} -j REJECT`;
  assert.deepEqual(addedBy([node(), service(external)]), {
    "filter/KUBE-SERVICES": [refused(at("10.96.0.10"))],
    "filter/KUBE-EXTERNAL-SERVICES": [
      refused(at("192.0.2.10")),
      refused(at("203.0.113.10")),
      refused("-m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30080"),
    ],
  });
});

test("session affinity: the remembered endpoint first, and each endpoint remembers its clients", () => {
  const sticky = service({ sessionAffinity: "ClientIP", affinityTimeoutSeconds: 60 });
  const chains = addedBy([node(), sticky, both]);
  const check = (name: string, text: string): string =>
    `-m comment --comment "${web} -> ${text}" -m recent --name ${name} --rcheck --seconds 60 --reap -j ${name}`;
  assert.deepEqual(chains[`nat/${svc}`], [
    check(localSep, "10.244.1.10:8080"),
    check(remoteSep, "10.244.2.10:8080"),
    ...balancing,
  ]);
  assert.equal(
    chains[`nat/${remoteSep}`]![1],
    `-m comment --comment ${web} -m recent --name ${remoteSep} --set -m tcp -p tcp ` +
      "-j DNAT --to-destination 10.244.2.10:8080",
  );
});

const nodePort = (match: string): string => `-m comment --comment ${web} ${match} -j ${ext}`;
const onLocalhost = nodePort(
  "-m tcp -p tcp -d 127.0.0.0/8 --dport 30080 -m nfacct --nfacct-name localhost_nps_accepted_pkts",
);
const anywhere = nodePort("-m tcp -p tcp --dport 30080");
const destinations = `for ${web} external destinations`;

test("from outside, policy Cluster: all addresses enter by one chain, which masquerades", () => {
  assert.deepEqual(addedBy([node(), service(external), both], pods), {
    "nat/KUBE-SERVICES": [
      `${clusterIp} -j ${svc}`,
      `-m comment --comment "${web} external IP" ${at("192.0.2.10")} -j ${ext}`,
      `-m comment --comment "${web} loadbalancer IP" ${at("203.0.113.10")} -j ${ext}`,
      lastRule,
    ],
    "nat/KUBE-NODEPORTS": [onLocalhost, anywhere],
    [`nat/${ext}`]: [`-m comment --comment "masquerade traffic ${destinations}" -j KUBE-MARK-MASQ`, `-j ${svc}`],
    [`nat/${svc}`]: [`${clusterIp} ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ`, ...balancing],
    ...seps,
  });
});

const shortCuts = [
  `-m comment --comment "pod traffic ${destinations}" -s 10.244.0.0/16 -j ${svc}`,
  `-m comment --comment "masquerade LOCAL traffic ${destinations}" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
  `-m comment --comment "route LOCAL traffic ${destinations}" -m addrtype --src-type LOCAL -j ${svc}`,
];

test("from outside, policy Local: pods and the node reach all endpoints, others the local ones", () => {
  const chains = addedBy([node(), fromLocal, both], pods);
  assert.deepEqual(chains[`nat/${ext}`], [...shortCuts, `-j ${svl}`]);
  assert.deepEqual(chains[`nat/${svl}`], [`-m comment --comment "${web} -> 10.244.1.10:8080" -j ${localSep}`]);
  assert.equal(chains[`nat/${svc}`]!.length, 3);
  assert.deepEqual(chains["filter/KUBE-NODEPORTS"], [
    `-m comment --comment "${web} health check node port" -m tcp -p tcp --dport 32000 -j ACCEPT`,
  ]);
});

test("from outside, policy Local, none here: dropped, but for pods and the node", () => {
  const chains = addedBy([node(), fromLocal, onlyRemote], pods);
  const dropped = (match: string): string => `-m comment --comment "${web} has no local endpoints" ${match} -j DROP`;
  assert.deepEqual(chains[`nat/${ext}`], shortCuts);
  assert.equal(chains[`nat/${svl}`], undefined);
  assert.deepEqual(chains["nat/KUBE-NODEPORTS"], [onLocalhost, anywhere]);
  assert.deepEqual(chains["filter/KUBE-EXTERNAL-SERVICES"], [
    dropped(at("192.0.2.10")),
    dropped(at("203.0.113.10")),
    dropped("-m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30080"),
  ]);
});

test("policy Local without a way to tell pods: only the node takes the short cut", () => {
  assert.deepEqual(addedBy([node(), fromLocal, onlyRemote])[`nat/${ext}`], shortCuts.slice(1));
});

test("inside, policy Local: the cluster IP has the local endpoints only, or is dropped", () => {
  const inside = service({ internalTrafficPolicy: "Local" });
  assert.deepEqual(addedBy([node(), inside, both], pods), {
    "nat/KUBE-SERVICES": [`${clusterIp} -j ${svl}`, lastRule],
    [`nat/${svl}`]: [
      `${clusterIp} ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ`,
      `-m comment --comment "${web} -> 10.244.1.10:8080" -j ${localSep}`,
    ],
    [`nat/${localSep}`]: sep("10.244.1.10"),
  });
  assert.deepEqual(addedBy([node(), inside, onlyRemote], pods), {
    "filter/KUBE-SERVICES": [`-m comment --comment "${web} has no local endpoints" ${at("10.96.0.10")} -j DROP`],
  });
});

const guarded = (loadBalancerSourceRanges: readonly string[]): Service =>
  service({ ...external, loadBalancerSourceRanges });
const inRange = (match: string): string => `-m comment --comment "${web} loadbalancer IP" -s ${match} -j ${ext}`;
const noRange = `-m comment --comment "other traffic to ${web} will be dropped by KUBE-PROXY-FIREWALL"`;

test("source ranges: who is in none of them is dropped at the load balancer's address, and nowhere else", () => {
  const chains = addedBy([node(), guarded(["198.51.100.0/24", "203.0.113.128/25"]), both]);
  assert.deepEqual(chains[`nat/${fw}`], [inRange("198.51.100.0/24"), inRange("203.0.113.128/25"), noRange]);
  assert.deepEqual(chains["filter/KUBE-PROXY-FIREWALL"], [
    `-m comment --comment "${web} traffic not accepted by ${fw}" ${at("203.0.113.10")} -j DROP`,
  ]);
  const entrances = chains["nat/KUBE-SERVICES"]!;
  assert.ok(entrances[1]!.endsWith(` ${at("192.0.2.10")} -j ${ext}`), entrances[1]);
  assert.ok(entrances[2]!.endsWith(` ${at("203.0.113.10")} -j ${fw}`), entrances[2]);
});

test("source ranges that hold the node let it in under the load balancer's own address too", () => {
  const chains = addedBy([node(), guarded(["192.168.10.0/24"]), both]);
  assert.deepEqual(chains[`nat/${fw}`], [inRange("192.168.10.0/24"), inRange("203.0.113.10"), noRange]);
});

test("source ranges of the other family, or without endpoints, guard nothing", () => {
  const guards = (objects: Parameters<typeof addedBy>[0]): readonly string[] =>
    Object.keys(addedBy(objects)).filter((name) => name.includes("-FW-") || name.endsWith("FIREWALL"));
  assert.deepEqual(guards([node(), guarded(["fd00::/8"]), both]), []);
  assert.deepEqual(guards([node(), guarded(["198.51.100.0/24"])]), []);
});

/** The option, what it does to `nat/KUBE-NODEPORTS`, and the last rules of `nat/KUBE-SERVICES` (with `-d`, if any). */
const nodePortCases: readonly (readonly [IptablesOptions, 4 | 6, number, readonly string[]])[] = [
  [{}, 4, 2, ["-m addrtype --dst-type LOCAL"]],
  [{}, 6, 1, ["-m addrtype --dst-type LOCAL ! -d ::1"]],
  [{ localhostNodePorts: false }, 4, 1, ["-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8"]],
  [{ nfacct: false }, 4, 1, ["-m addrtype --dst-type LOCAL"]],
  [{ nodePortAddresses: ["192.168.0.0/16"] }, 4, 1, ["-d 192.168.10.5"]],
  [{ nodePortAddresses: ["192.168.0.0/16"] }, 6, 1, ["-m addrtype --dst-type LOCAL ! -d ::1"]],
  [{ nodePortAddresses: ["127.0.0.0/8", "192.168.10.5/32"] }, 4, 2, ["-d 127.0.0.1", "-d 192.168.10.5"]],
  [{ nodePortAddresses: ["127.0.0.0/8"], localhostNodePorts: false }, 4, 1, []],
  [{ nodePortAddresses: ["172.16.0.0/12"] }, 4, 1, []],
  [{ nodePortAddresses: ["::1/128", "fd00::/8"] }, 6, 1, ["-d fd00:192:168:10::5"]],
  [{ nodePortAddresses: ["10.0.0.0/8", "0.0.0.0/0"] }, 4, 2, ["-m addrtype --dst-type LOCAL"]],
  [{ nodePortAddresses: ["primary"] }, 4, 1, ["-d 192.168.10.5"]],
  [{ nodePortAddresses: ["primary"] }, 6, 1, ["-d fd00:192:168:10::5"]],
];

test("where node ports answer: all local addresses, those in ranges, with or without loopback", () => {
  const dual = service({ ...external, clusterIPs: ["10.96.0.10", "fd00:96::10"] });
  const objects = [node(), dual, both, slice({ addressType: "IPv6", endpoints: ["fd00:10:244:1::10"] })];
  for (const [options, family, rules, entries] of nodePortCases) {
    const chains = chainsOf(compiled(objects, options, family));
    const what = `${JSON.stringify(options)} IPv${family}`;
    assert.equal(chains["nat/KUBE-NODEPORTS"]!.length, rules, what);
    const last = chains["nat/KUBE-SERVICES"]!.filter((rule) => rule.endsWith("-j KUBE-NODEPORTS"));
    assert.deepEqual(
      last.map((rule) => /in this chain" (.*) -j KUBE-NODEPORTS$/.exec(rule)?.[1]),
      entries,
      what,
    );
  }
});

test("127.0.0.0/8 is guarded exactly where node ports answer on it", () => {
  const guard = (options: IptablesOptions, family: 4 | 6): boolean =>
    "filter/KUBE-FIREWALL" in chainsOf(compiled([node()], options, family));
  assert.equal(guard({}, 4), true);
  assert.equal(guard({}, 6), false);
  assert.equal(guard({ localhostNodePorts: false }, 4), false);
  assert.equal(guard({ nodePortAddresses: ["192.168.0.0/16"] }, 4), false);
  assert.equal(guard({ nodePortAddresses: ["127.0.0.1/32"] }, 4), true);
});

test("the host decides about INVALID packets, counters and --random-fully; the mark is the configured bit", () => {
  const fixed = (options: IptablesOptions): readonly string[] => {
    const chains = chainsOf(compiled([], options));
    return [...chains["filter/KUBE-FORWARD"]!, ...chains["nat/KUBE-POSTROUTING"]!, ...chains["nat/KUBE-MARK-MASQ"]!];
  };
  const dropInvalid = "-m conntrack --ctstate INVALID -m nfacct --nfacct-name ct_state_invalid_dropped_pkts -j DROP";
  const plain = fixed({});
  assert.equal(plain[0], dropInvalid);
  assert.deepEqual(fixed({ tcpBeLiberal: true }), plain.slice(1));
  assert.deepEqual(fixed({ nfacct: false }), ["-m conntrack --ctstate INVALID -j DROP", ...plain.slice(1)]);
  assert.deepEqual(
    fixed({ randomFully: false }),
    plain.map((rule) => rule.replace(" --random-fully", "")),
  );
  assert.deepEqual(
    fixed({ masqueradeBit: 31 }),
    plain.map((rule) => rule.replaceAll("0x00004000", "0x80000000")),
  );
  assert.deepEqual(
    fixed({ masqueradeBit: 0 }),
    plain.map((rule) => rule.replaceAll("0x00004000", "0x00000001")),
  );
});

test("above 1000 endpoints, usable or not, the comments of endpoint rules go, and no others", () => {
  const many = (count: number): Parameters<typeof addedBy>[0] => {
    const notReady = Array.from({ length: count - 2 }, (_, i) =>
      endpoint(`10.1.${i >> 8}.${i & 255}`, { ready: false, serving: false }),
    );
    return [node(), service(), both, slice({ name: "web-more", endpoints: notReady })];
  };
  const upTo = addedBy(many(1000), pods);
  assert.deepEqual(upTo, addedBy([node(), service(), both], pods));
  const above = addedBy(many(1001), pods);
  assert.deepEqual(above[`nat/${svc}`], [
    upTo[`nat/${svc}`]![0],
    `-m statistic --mode random --probability 0.5000000000 -j ${localSep}`,
    `-j ${remoteSep}`,
  ]);
  assert.deepEqual(above[`nat/${localSep}`], [
    "-s 10.244.1.10 -j KUBE-MARK-MASQ",
    "-m tcp -p tcp -j DNAT --to-destination 10.244.1.10:8080",
  ]);
  assert.deepEqual(above["nat/KUBE-SERVICES"], upTo["nat/KUBE-SERVICES"]);
});

test("a family has the addresses and endpoints of its own, under the same names", () => {
  const dual = service({ clusterIPs: ["10.96.0.10", "fd00:96::10"] });
  const objects = [node(), dual, both, slice({ addressType: "IPv6", endpoints: ["fd00:10:244:1::10"] })];
  const six = addedBy(objects, pods, 6);
  const endpointChain = Object.keys(six).find((name) => name.includes("KUBE-SEP-"))!;
  assert.deepEqual(six[`nat/${svc}`], [
    `-m comment --comment "${web} cluster IP" -m tcp -p tcp -d fd00:96::10 --dport 80 ! -s fd00:10:244::/56 -j KUBE-MARK-MASQ`,
    `-m comment --comment "${web} -> [fd00:10:244:1::10]:8080" -j ${endpointChain.slice("nat/".length)}`,
  ]);
  assert.equal(
    six[endpointChain]![1],
    `-m comment --comment ${web} -m tcp -p tcp -j DNAT --to-destination [fd00:10:244:1::10]:8080`,
  );
});
