import assert from "node:assert/strict";
import type { SliceEndpoint } from "../../src/cluster/objects.ts";
import { endpoint, node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";
import { onlyPort, texts } from "./seen.ts";

type About = Parameters<typeof endpoint>[1];

/** Pods of the rows, at 10.1.2.N. */
const pod = (n: number, about: About = {}): SliceEndpoint => endpoint(`10.1.2.${n}`, about);
const here = { nodeName: "node-a" };
const there = { nodeName: "node-b" };
const notReady = { ready: false, serving: false };
const going = { ready: false, serving: true, terminating: true };
const gone = { ready: false, serving: false, terminating: true };
const zones = (...forZones: string[]) => ({ forZones });
const nodes = (...forNodes: string[]) => ({ forNodes });

/** Policies of the Service. Without a port of the node nothing reaches it from outside. */
const nodePort = { type: "NodePort", ports: [{ name: "http", port: 80, nodePort: 30_080 }] } as const;
const externalLocal = { ...nodePort, externalTrafficPolicy: "Local" } as const;
const internalLocal = { internalTrafficPolicy: "Local" } as const;
const unreachable = { type: "LoadBalancer", externalTrafficPolicy: "Local" } as const;

interface Row {
  readonly it: string;
  readonly of?: Parameters<typeof service>[0];
  /** Of this node; empty: it has none. */
  readonly zone?: string;
  readonly pods: readonly SliceEndpoint[];
  /** Which pods may take traffic of policy Cluster, of policy Local, of any; the last is as the first unless given. */
  readonly cluster: readonly number[];
  readonly local?: readonly number[];
  readonly reachable?: readonly number[];
  /** Whether there is any endpoint anywhere; as `reachable` unless given. */
  readonly hasAny?: boolean;
}

const inThreeZones = [
  pod(3, zones("zone-a")),
  pod(4, zones("zone-b")),
  pod(5, zones("zone-c")),
  pod(6, zones("zone-a")),
];
const inOneZone = [pod(3, zones("zone-a"))];
const localOnes = [
  pod(3, { ...here, ...zones("zone-a") }),
  pod(4, { ...here, ...zones("zone-b") }),
  pod(5, { ...there, ...zones("zone-b") }),
  pod(6, { ...there, ...zones("zone-a") }),
];
const onNodes = [
  pod(3, { ...zones("zone-a"), ...nodes("node-b") }),
  pod(4, { ...zones("zone-b"), ...nodes("node-c") }),
  pod(5, { ...zones("zone-a"), ...nodes("node-a") }),
];
const hereAndThere = [pod(3, here), pod(4, there)];
const bothThere = [pod(3, there), pod(4, there)];
const goingHereAndThere = [pod(3, { ...here, ...going }), pod(4, { ...there, ...going })];

const rows: readonly Row[] = [
  { it: "no endpoints: nobody", pods: [], cluster: [] },
  { it: "policy Cluster: whoever is ready", pods: [pod(3, notReady), pod(4)], cluster: [4] },
  { it: "policy Cluster: nobody ready, nobody", pods: [pod(3, notReady), pod(4, notReady)], cluster: [] },
  { it: "policy Cluster: ready elsewhere is good enough", pods: bothThere, cluster: [3, 4] },

  { it: "zone hints: only those of this zone", pods: inThreeZones, cluster: [3, 6] },
  {
    it: "zone hints: one may name several zones",
    zone: "zone-c",
    pods: [
      pod(3, zones("zone-a", "zone-b", "zone-c")),
      pod(4, zones("zone-b", "zone-c")),
      pod(5, zones("zone-b", "zone-d")),
      pod(6, zones("zone-c")),
    ],
    cluster: [3, 4, 6],
  },
  { it: "zone hints: ignored where this node has no zone", zone: "", pods: inThreeZones, cluster: [3, 4, 5, 6] },
  { it: "zone hints: ignored where none names this zone", zone: "zone-b", pods: inOneZone, cluster: [3] },
  {
    it: "zone hints: ignored where one ready endpoint has none",
    pods: [...inThreeZones, pod(7)],
    cluster: [3, 4, 5, 6, 7],
  },
  {
    it: "zone hints: an endpoint that is not ready may lack them",
    pods: [...inThreeZones, pod(7, notReady)],
    cluster: [3, 6],
  },
  {
    it: "zone hints: an endpoint of this zone that is not ready gets nothing",
    pods: [pod(3, zones("zone-a")), pod(4, zones("zone-b")), pod(6, { ...zones("zone-a"), ...notReady })],
    cluster: [3],
  },
  {
    it: "zone hints: ignored where only endpoints that are not ready name this zone",
    pods: [pod(3, { ...zones("zone-a"), ...notReady }), pod(4, zones("zone-b")), pod(5, zones("zone-c"))],
    cluster: [4, 5],
  },
  {
    it: "zone hints: count without any annotation, whatever it says",
    of: { annotations: { "service.kubernetes.io/topology-mode": "disabled" } },
    pods: inThreeZones,
    cluster: [3, 6],
  },
  {
    it: "zone hints: terminating stand-ins come from every zone",
    pods: [pod(3, { ...zones("zone-a"), ...going }), pod(4, { ...zones("zone-b"), ...going })],
    cluster: [3, 4],
  },

  { it: "node hints: only those of this node, before any zone", pods: onNodes, cluster: [5] },
  {
    it: "node hints: ignored where one ready endpoint has none; then the zone decides",
    pods: [...onNodes, pod(6, zones("zone-a"))],
    cluster: [3, 5, 6],
  },
  {
    it: "node hints: an endpoint that is not ready may lack them",
    pods: [...onNodes, pod(6, notReady)],
    cluster: [5],
  },
  {
    it: "node hints: where none names this node, the zone decides",
    pods: onNodes.slice(0, 2),
    cluster: [3],
  },
  {
    it: "node hints: where none names this node and none its zone, everybody",
    zone: "zone-d",
    pods: onNodes.slice(0, 2),
    cluster: [3, 4],
  },
  {
    it: "node hints: work for a node without a zone",
    zone: "",
    pods: [pod(3, nodes("node-a")), pod(4, nodes("node-b"))],
    cluster: [3],
  },
  {
    it: "node hints: one may name several nodes",
    pods: [pod(3, nodes("node-b", "node-a")), pod(4, nodes("node-b"))],
    cluster: [3],
  },

  {
    it: "external Local: local ones apart from all",
    of: externalLocal,
    pods: hereAndThere,
    cluster: [3, 4],
    local: [3],
  },
  { it: "external Local: none local", of: externalLocal, pods: bothThere, cluster: [3, 4], local: [] },
  {
    it: "external Local: hints leave local ones alone, and what is reachable joins both",
    of: externalLocal,
    pods: localOnes,
    cluster: [3, 6],
    local: [3, 4],
    reachable: [3, 4, 6],
  },
  {
    it: "external Local: a terminating one stands in where no local one is ready",
    of: externalLocal,
    pods: [
      pod(3, there),
      pod(4, { ...here, ...notReady }),
      pod(5, { ...here, ...going }),
      pod(6, { ...there, ...going }),
    ],
    cluster: [3],
    local: [5],
    reachable: [3, 5],
  },
  {
    it: "external Local: a ready local one leaves terminating local ones out",
    of: externalLocal,
    pods: [pod(3, { ...here, ...going }), pod(4, here)],
    cluster: [4],
    local: [4],
  },
  {
    it: "external Local: ignored where nothing reaches the Service from outside",
    of: unreachable,
    pods: hereAndThere,
    cluster: [3, 4],
    local: [],
  },

  {
    it: "internal Local, no way in from outside: no endpoints at all",
    of: internalLocal,
    pods: [],
    cluster: [],
    local: [],
  },
  {
    it: "internal Local, no way in from outside: local ones only",
    of: internalLocal,
    pods: hereAndThere,
    cluster: [],
    local: [3],
    reachable: [3],
  },
  {
    it: "internal Local, no way in from outside: all local",
    of: internalLocal,
    pods: [pod(3, here), pod(4, here)],
    cluster: [],
    local: [3, 4],
    reachable: [3, 4],
  },
  {
    it: "internal Local, no way in from outside: none reachable, though there are some elsewhere",
    of: internalLocal,
    pods: bothThere,
    cluster: [],
    local: [],
    hasAny: true,
  },
  {
    it: "internal Local, no way in from outside: terminating ones elsewhere are some, too",
    of: internalLocal,
    pods: [pod(3, { ...there, ...going })],
    cluster: [],
    local: [],
    hasAny: true,
  },
  {
    it: "internal Local, no way in from outside: the local terminating one stands in",
    of: internalLocal,
    pods: [pod(3, { ...here, ...going }), pod(4, there)],
    cluster: [],
    local: [3],
    reachable: [3],
  },
  {
    it: "internal Local, external Cluster: both lists",
    of: { ...nodePort, ...internalLocal },
    pods: hereAndThere,
    cluster: [3, 4],
    local: [3],
  },
  {
    it: "internal Local, external Cluster: hints leave local ones alone",
    of: { ...nodePort, ...internalLocal },
    pods: localOnes,
    cluster: [3, 6],
    local: [3, 4],
    reachable: [3, 4, 6],
  },
  {
    it: "both Local: both lists, for what pods and the node send outside comes back to all",
    of: { ...externalLocal, ...internalLocal },
    pods: hereAndThere,
    cluster: [3, 4],
    local: [3],
  },
  {
    it: "both Local: none local",
    of: { ...externalLocal, ...internalLocal },
    pods: bothThere,
    cluster: [3, 4],
    local: [],
  },
  {
    it: "both Local: all elsewhere and terminating",
    of: { ...externalLocal, ...internalLocal },
    pods: [pod(3, { ...there, ...going }), pod(4, { ...there, ...going })],
    cluster: [3, 4],
    local: [],
  },

  { it: "terminating: all stand in, local or not", pods: goingHereAndThere, cluster: [3, 4] },
  { it: "terminating: one that no longer serves does not stand in", pods: [pod(3, going), pod(4, gone)], cluster: [3] },
  { it: "terminating: nobody serves, nobody", pods: [pod(3, gone), pod(4, gone)], cluster: [] },
  { it: "terminating: serving alone is not enough", pods: [pod(3, { ready: false })], cluster: [] },
  {
    it: "terminating: one ready anywhere and none stands in",
    pods: [...goingHereAndThere, pod(5, there)],
    cluster: [5],
  },
];

const test = suite("model: which endpoints may take traffic");
const at = (numbers: readonly number[]): readonly string[] => numbers.map((n) => `10.1.2.${n}:8080`);

for (const { it, of = {}, zone = "zone-a", pods, cluster, local = [], reachable = cluster, hasAny } of rows) {
  test(it, () => {
    const port = onlyPort([service(of), slice({ endpoints: pods }), node({ zone })]);
    assert.deepEqual(
      {
        cluster: texts(port.clusterEndpoints),
        local: texts(port.localEndpoints),
        reachable: texts(port.reachable),
        hasAny: port.hasAny,
      },
      { cluster: at(cluster), local: at(local), reachable: at(reachable), hasAny: hasAny ?? reachable.length > 0 },
    );
  });
}
