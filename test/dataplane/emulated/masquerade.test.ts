/**
 * Which endpoints a packet may reach and whether its source is rewritten, by where it comes from and where it goes: the
 * matrix of kube-proxy's own TestInternalExternalMasquerade.
 */
import assert from "node:assert/strict";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import type { IptablesOptions } from "../../../src/modes/iptables/options.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { reachIn } from "./reach.ts";

const test = suite("emulated iptables: endpoints and masquerading by source and destination");

const policies = {
  A: {},
  B: { externalTrafficPolicy: "Local" },
  C: { internalTrafficPolicy: "Local" },
} as const;
type Name = keyof typeof policies;

/** Service A…C at 10.96.0.1…3, node port 3000n, load balancer 203.0.113.n, one endpoint here and one elsewhere. */
function cluster(): ClusterObject[] {
  const services = Object.entries(policies).flatMap(([name, policy], index) => {
    const n = index + 1;
    return [
      service({
        name,
        type: "LoadBalancer",
        clusterIP: `10.96.0.${n}`,
        ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30_000 + n }],
        ingress: [{ ip: `203.0.113.${n}`, ipMode: "VIP" }],
        ...policy,
      }),
      slice({
        service: name,
        endpoints: [
          endpoint(`10.244.1.${n}`, { nodeName: "node-a" }),
          endpoint(`10.244.2.${n}`, { nodeName: "node-b" }),
        ],
      }),
    ];
  });
  return [node(), ...services];
}

const sources = { pod: "10.244.1.99", node: "192.168.10.5", outside: "203.0.113.200" } as const;
type Source = keyof typeof sources;

const destinations = {
  clusterIp: (n: number) => `10.96.0.${n}:80`,
  nodePort: (n: number) => `192.168.10.5:${30_000 + n}`,
  loadBalancer: (n: number) => `203.0.113.${n}:80`,
} as const;
type Destination = keyof typeof destinations;

/** `LR m`: the local and the remote endpoint, masqueraded; `L u`: the local one, unmasqueraded. */
type Cell = "LR m" | "LR u" | "L m" | "L u";
type Row = readonly [Source, Destination, Readonly<Record<Name, Cell>>];

const same = (cell: Cell): Record<Name, Cell> => ({ A: cell, B: cell, C: cell });
const toAll = (a: Cell, c: Cell): Record<Name, Cell> => ({ A: a, B: a, C: c });

const detected: readonly Row[] = [
  ["pod", "clusterIp", toAll("LR u", "L u")],
  ["pod", "nodePort", { A: "LR m", B: "LR u", C: "LR m" }],
  ["pod", "loadBalancer", { A: "LR m", B: "LR u", C: "LR m" }],
  ["node", "clusterIp", toAll("LR m", "L m")],
  ["node", "nodePort", same("LR m")],
  ["node", "loadBalancer", same("LR m")],
  ["outside", "clusterIp", toAll("LR m", "L m")],
  ["outside", "nodePort", { A: "LR m", B: "L u", C: "LR m" }],
  ["outside", "loadBalancer", { A: "LR m", B: "L u", C: "LR m" }],
];

/** Without detection nothing that goes to a cluster IP is masqueraded, and a pod is a client like any other. */
const undetected = detected.map(([source, destination, row]): Row => {
  if (destination === "clusterIp") return [source, destination, toAll("LR u", "L u")];
  return [source, destination, source === "pod" ? { ...row, B: "L u" } : row];
});

const masqueradesAll = (rows: readonly Row[]): readonly Row[] =>
  rows.map((row): Row => (row[1] === "clusterIp" ? [row[0], row[1], toAll("LR m", "L m")] : row));

const byPods = { detectLocal: { by: "cluster-cidr", ranges: ["10.244.0.0/16"] } } as const;
const variants: readonly [string, IptablesOptions, readonly Row[]][] = [
  ["pods are told by their range", byPods, detected],
  ["pods cannot be told", {}, undetected],
  ["all is masqueraded", { ...byPods, masqueradeAll: true }, masqueradesAll(detected)],
  ["all is masqueraded and pods cannot be told", { masqueradeAll: true }, masqueradesAll(undetected)],
];

for (const [variant, options, rows] of variants) {
  const reach = reachIn(cluster(), { iptables: options });
  for (const [source, destination, row] of rows) {
    test(`${variant}: ${source} to ${destination}`, () => {
      const seen = Object.keys(policies).map((_, index) =>
        reach(sources[source], destinations[destination](index + 1)),
      );
      const expected = Object.values(row).map((cell, index) => endpointsOf(cell, index + 1));
      assert.deepEqual(seen, expected);
    });
  }
}

function endpointsOf(cell: Cell, n: number): string {
  const [who, how] = cell.split(" ") as ["LR" | "L", "m" | "u"];
  const ips = who === "LR" ? [`10.244.1.${n}`, `10.244.2.${n}`] : [`10.244.1.${n}`];
  return ips.map((ip) => `${ip}:8080${how === "m" ? " m" : ""}`).join(", ");
}

test("the node reaches node ports at 127.0.0.1 too, masqueraded", () => {
  const reach = reachIn(cluster(), { iptables: byPods });
  assert.equal(reach("127.0.0.1", "127.0.0.1:30001"), endpointsOf("LR m", 1));
  assert.equal(reach("127.0.0.1", "127.0.0.1:30002"), endpointsOf("LR m", 2));
  const off = reachIn(cluster(), { iptables: { ...byPods, localhostNodePorts: false } });
  assert.equal(off("127.0.0.1", "127.0.0.1:30001"), "pass");
});

test("an endpoint that reaches itself through the service is masqueraded, the other one is not", () => {
  const reach = reachIn(cluster(), { iptables: byPods });
  assert.equal(reach("10.244.1.1", "10.96.0.1:80"), "10.244.1.1:8080 m, 10.244.2.1:8080");
});

test("pods are told by their interface where the detector looks at that", () => {
  const interfaceOf = (source: unknown): string => (source === 0x0af40163 ? "cali1" : "eth0");
  const detectLocal = { by: "interface-prefix", prefix: "cali" } as const;
  const reach = reachIn(cluster(), { iptables: { detectLocal }, interfaceOf });
  assert.equal(reach(sources.pod, "10.96.0.1:80"), endpointsOf("LR u", 1));
  assert.equal(reach(sources.outside, "10.96.0.1:80"), endpointsOf("LR m", 1));
  const unknown = reachIn(cluster(), { iptables: { detectLocal } });
  assert.equal(unknown(sources.pod, "10.96.0.1:80"), endpointsOf("LR m", 1));
});
