import assert from "node:assert/strict";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { compileIpvs } from "../../../src/modes/ipvs/compile.ts";
import { type IpvsOptions, resolveIpvsOptions } from "../../../src/modes/ipvs/options.ts";
import { renderSets } from "../../../src/modes/ipvs/render-sets.ts";
import type { Surroundings } from "../../../src/modes/ipvs/surroundings.ts";
import { formatCidr } from "../../../src/net/cidr.ts";
import type { Family } from "../../../src/net/ip.ts";
import { seen } from "../../model/seen.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { everyService } from "./every-service.ts";

const test = suite("ipvs mode: sets and addresses");

function around(objects: readonly ClusterObject[], options: IpvsOptions = {}, family: Family = 4): Surroundings {
  return compileIpvs(seen(objects), family, resolveIpvsOptions(options)).around!;
}

/** The entries of each set that has some. */
function entries({ sets }: Surroundings): Readonly<Record<string, readonly string[]>> {
  const filled = sets.filter(({ entries }) => entries.length > 0);
  return Object.fromEntries(
    filled.map((set) => [
      set.name,
      renderSets([set], "save")
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((line) => line.split(" ")[2]!),
    ]),
  );
}

function addresses({ addresses }: Surroundings): readonly string[] {
  return addresses.map(formatCidr);
}

const external: Parameters<typeof service>[0] = {
  type: "LoadBalancer",
  ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }],
  externalIPs: ["192.0.2.10"],
  ingress: [{ ip: "203.0.113.10" }],
};
const local = endpoint("10.244.1.10", { nodeName: "node-a" });
const pods = slice({ endpoints: [local, endpoint("10.244.2.10", { nodeName: "node-b" })] });

test("a cluster IP is in its set, on the device and among the addresses; a local endpoint is in the hairpin set", () => {
  const compiled = around([node(), service(), pods]);
  assert.deepEqual(entries(compiled), {
    "KUBE-LOOP-BACK": ["10.244.1.10,tcp:8080,10.244.1.10"],
    "KUBE-CLUSTER-IP": ["10.96.0.10,tcp:80"],
    "KUBE-IPVS-IPS": ["10.96.0.10"],
  });
  assert.deepEqual(addresses(compiled), ["10.96.0.10/32"]);
});

test("a local endpoint is in the hairpin set whatever its conditions", () => {
  const states = [{ ready: false }, { ready: false, serving: false, terminating: true }];
  const endpoints = states.map((state, i) => endpoint(`10.244.1.${20 + i}`, { nodeName: "node-a", ...state }));
  const { "KUBE-LOOP-BACK": hairpin } = entries(around([node(), service(), slice({ endpoints })]));
  assert.deepEqual(hairpin, ["10.244.1.20,tcp:8080,10.244.1.20", "10.244.1.21,tcp:8080,10.244.1.21"]);
});

test("every kind of address has its set, and policy Local has more", () => {
  const cluster = entries(around([node(), service(external), pods]));
  assert.deepEqual(Object.keys(cluster), [
    "KUBE-LOOP-BACK",
    "KUBE-CLUSTER-IP",
    "KUBE-EXTERNAL-IP",
    "KUBE-LOAD-BALANCER",
    "KUBE-NODE-PORT-TCP",
    "KUBE-IPVS-IPS",
  ]);
  assert.deepEqual(cluster["KUBE-NODE-PORT-TCP"], ["30080"]);
  const given = { ...external, externalTrafficPolicy: "Local", healthCheckNodePort: 32000 } as const;
  const onNode = entries(around([node(), service(given), pods]));
  assert.deepEqual(Object.keys(onNode), [
    "KUBE-LOOP-BACK",
    "KUBE-CLUSTER-IP",
    "KUBE-EXTERNAL-IP-LOCAL",
    "KUBE-LOAD-BALANCER",
    "KUBE-LOAD-BALANCER-LOCAL",
    "KUBE-NODE-PORT-TCP",
    "KUBE-NODE-PORT-LOCAL-TCP",
    "KUBE-HEALTH-CHECK-NODE-PORT",
    "KUBE-IPVS-IPS",
  ]);
  assert.deepEqual(onNode["KUBE-HEALTH-CHECK-NODE-PORT"], ["32000"]);
});

test("source ranges stand with the load balancer's address; one that holds the node lets its own traffic in", () => {
  const ranges = (...loadBalancerSourceRanges: readonly string[]): Readonly<Record<string, readonly string[]>> =>
    entries(around([node(), service({ ...external, loadBalancerSourceRanges }), pods]));
  const open = ranges("192.168.0.0/16", "198.51.100.7/32");
  assert.deepEqual(open["KUBE-LOAD-BALANCER-FW"], ["203.0.113.10,tcp:80"]);
  assert.deepEqual(open["KUBE-LOAD-BALANCER-SOURCE-CIDR"], [
    "203.0.113.10,tcp:80,192.168.0.0/16",
    "203.0.113.10,tcp:80,198.51.100.7",
  ]);
  assert.deepEqual(open["KUBE-LOAD-BALANCER-SOURCE-IP"], ["203.0.113.10,tcp:80,203.0.113.10"]);
  assert.equal(ranges("198.51.100.0/24")["KUBE-LOAD-BALANCER-SOURCE-IP"], undefined);
  // ipset cannot hold it.
  const all = ranges("0.0.0.0/0");
  assert.deepEqual([all["KUBE-LOAD-BALANCER-SOURCE-CIDR"], all["KUBE-LOAD-BALANCER-FW"]?.length], [undefined, 1]);
});

test("node ports of SCTP stand with each of the node's addresses", () => {
  const ports = [{ name: "http", protocol: "SCTP", port: 99, nodePort: 30099 }] as const;
  const set = (family: Family): readonly string[] | undefined => {
    const dual = { ...external, ports, clusterIPs: ["10.96.0.10", "fd00:96::10"] };
    const compiled = entries(around([node(), service(dual)], {}, family));
    return compiled[family === 4 ? "KUBE-NODE-PORT-SCTP-HASH" : "KUBE-6-NODE-PORT-SCTP-HASH"];
  };
  assert.deepEqual(set(4), ["192.168.10.5,sctp:30099"]);
  assert.deepEqual(set(6), ["fd00:192:168:10::5,sctp:30099"]);
});

test("where node ports answer nowhere, neither they nor the health check are in a set", () => {
  const given = { ...external, externalTrafficPolicy: "Local", healthCheckNodePort: 32000 } as const;
  const nowhere = entries(around([node(), service(given), pods], { nodePortAddresses: ["172.16.0.0/12"] }));
  assert.deepEqual([nowhere["KUBE-NODE-PORT-TCP"], nowhere["KUBE-HEALTH-CHECK-NODE-PORT"]], [undefined, undefined]);
});

test("addresses that an interface of the node has are not put on the device", () => {
  const taken = { localAddresses: ["192.0.2.10", "192.168.10.5"] };
  assert.deepEqual(addresses(around([node(), service(external)], taken)), ["10.96.0.10/32", "203.0.113.10/32"]);
  assert.deepEqual(addresses(around([node(), service(external)])), [
    "10.96.0.10/32",
    "192.0.2.10/32",
    "203.0.113.10/32",
  ]);
});

test("all sets are made, also empty ones, under names of at most 31 characters", () => {
  for (const family of [4, 6] as const) {
    const { sets } = around([], {}, family);
    assert.equal(sets.length, 17);
    assert.equal(new Set(sets.map(({ name }) => name)).size, 17);
    assert.ok(sets.every(({ name, entries }) => name.length <= 31 && entries.length === 0));
  }
  const { sets } = around([], {}, 6);
  assert.ok(sets.some(({ name }) => name === "KUBE-6-LOAD-BALANCER-SOURCE-CID"));
  assert.equal(
    renderSets(sets.slice(1, 2), "restore"),
    "create KUBE-6-CLUSTER-IP hash:ip,port family inet6 hashsize 1024 maxelem 65536 -exist\nflush KUBE-6-CLUSTER-IP\n",
  );
});

test("one cluster fills every set", () => {
  for (const family of [4, 6] as const) {
    const { sets } = compileIpvs(everyService, family, resolveIpvsOptions()).around!;
    assert.deepEqual(
      sets.filter(({ entries }) => entries.length === 0).map(({ name }) => name),
      [],
    );
  }
});

test("an entry that two services ask for is there once", () => {
  const [a, b] = ["a", "b"].map((name, i) =>
    service({ name, clusterIP: `10.96.0.${i + 1}`, externalIPs: ["192.0.2.10"] }),
  );
  const compiled = around([node(), a!, b!]);
  assert.deepEqual(entries(compiled)["KUBE-EXTERNAL-IP"], ["192.0.2.10,tcp:80"]);
  assert.equal(addresses(compiled).length, 3);
});

test("sysctls, time-outs and excluded ranges are data of the plan", () => {
  const options: IpvsOptions = {
    strictARP: true,
    tcpTimeoutSeconds: 900,
    udpTimeoutSeconds: 10,
    excludeCIDRs: ["198.51.100.0/24", "fd00::/8"],
  };
  const { sysctls, timeouts, excluded } = around([], options);
  assert.deepEqual(
    sysctls.map(({ path, value, kernels }) => [path.split("/").at(-1), value, kernels]),
    [
      ["conntrack", 1, undefined],
      ["conn_reuse_mode", 0, ["4.1", "5.9"]],
      ["expire_nodest_conn", 1, undefined],
      ["expire_quiescent_template", 1, undefined],
      ["ip_forward", 1, undefined],
      ["arp_ignore", 1, undefined],
      ["arp_announce", 2, undefined],
    ],
  );
  assert.deepEqual(timeouts, { tcpSeconds: 900, tcpFinSeconds: 0, udpSeconds: 10 });
  assert.deepEqual(excluded.map(formatCidr), ["198.51.100.0/24"]);
  assert.equal(around([]).sysctls.length, 5);
});
