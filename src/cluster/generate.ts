import { configInvalid } from "../core/errors.ts";
import { type Random, seededRandom } from "../core/random.ts";
import { formatIp, type Ip4, parseIp } from "../net/ip.ts";
import type {
  ClusterObject,
  EndpointSlice,
  Node,
  ObjectMeta,
  ProtocolName,
  Service,
  SliceEndpoint,
} from "./objects.ts";
import { type ClusterSnapshot, snapshotOf } from "./state.ts";

export interface GenerateOptions {
  /** 0…1 000 000 */
  readonly services: number;
  /** 0…1000; all services together at most what the pod range holds, some 390 000 at worst. */
  readonly endpointsPerService: number;
  /** 1…1000. @default 3 */
  readonly nodes?: number;
  /** The same seed and sizes give the same cluster. */
  readonly seed: number;
  /** Which part of the services is UDP, 0…1; the others are TCP. @default 0 */
  readonly udpShare?: number;
  /** Which part of the services has a node port, 0…1; at most 2768 have. @default 0 */
  readonly nodePortShare?: number;
}

const defaults = { nodes: 3, udpShare: 0, nodePortShare: 0 } as const;
const limits = {
  services: [0, 1_000_000],
  endpointsPerService: [0, 1000],
  nodes: [1, 1000],
  seed: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  udpShare: [0, 1],
  nodePortShare: [0, 1],
} as const satisfies Record<keyof GenerateOptions, readonly [number, number]>;

/** What the API server takes by default, and kubeadm's usual ranges. */
const NODE_PORTS = { first: 30000, count: 2768 } as const;
const SERVICE_RANGE = { text: "10.96.0.0/12", base: parseIp("10.96.0.0") as Ip4, size: 2 ** 20 } as const;
const POD_RANGE = { base: parseIp("10.244.0.0") as Ip4, size: 12 * 2 ** 16 } as const;
const NODE_BASE = parseIp("192.168.0.0") as Ip4;
const PORT_NAME = "main";
/** The controller's limit. */
const ENDPOINTS_PER_SLICE = 100;

/**
 * Makes a cluster of services with one port each, whose endpoints are all ready: what load tests and benchmarks need.
 *
 * Cluster IPs are distinct in 10.96.0.0/12, pods distinct in 10.244.0.0…10.255.255.255, which the nodes share out
 * evenly as pod ranges; which service gets which address, node and protocol follows the seed.
 *
 * @throws {SluiceError} CONFIG_INVALID for a number out of range. O(endpoints).
 */
export function generateCluster(options: GenerateOptions): ClusterSnapshot {
  const resolved = resolve(options);
  const { services, endpointsPerService, nodes, udpShare } = resolved;
  const random = seededRandom(resolved.seed);
  const pods = layPods(services * endpointsPerService, nodes, random);
  const clusterIp = shuffled(SERVICE_RANGE.size - 2, random);
  const nextNodePort = nodePorts(resolved.nodePortShare, random);
  const objects: ClusterObject[] = [
    ...Array.from({ length: nodes }, (_, n) => nodeOf(n, pods.range(n))),
    { kind: "ServiceCIDR", metadata: metaOf("kubernetes", ""), cidrs: [SERVICE_RANGE.text] },
  ];
  for (let i = 0; i < services; i += 1) {
    const metadata = metaOf(`service-${i}`, `team-${Math.floor(i / 100)}`);
    const protocol = chance(udpShare, random) ? "UDP" : "TCP";
    const ip = formatIp((SERVICE_RANGE.base + 1 + clusterIp(i)) as Ip4);
    const endpoints = Array.from({ length: endpointsPerService }, (_, k) => pods.endpoint(i * endpointsPerService + k));
    objects.push(serviceOf(metadata, ip, protocol, nextNodePort()), ...slicesOf(metadata, protocol, endpoints));
  }
  return snapshotOf(objects);
}

function resolve(options: GenerateOptions): Required<GenerateOptions> {
  const resolved = { ...defaults, ...options };
  for (const [name, [least, most]] of Object.entries(limits)) {
    const value = resolved[name as keyof GenerateOptions];
    const whole = name.endsWith("Share") || Number.isInteger(value);
    if (!(whole && least <= value && value <= most)) {
      throw configInvalid(name, `a ${name.endsWith("Share") ? "number" : "whole number"} in ${least}…${most}`, value);
    }
  }
  return resolved;
}

interface Pods {
  /** The pod range of a node. */
  range(node: number): string;
  /** @param index of the endpoint among all of the cluster. */
  endpoint(index: number): SliceEndpoint;
}

/** Shares the pod range out among the nodes, with addresses to spare for the network, the node and the broadcast. */
function layPods(pods: number, nodes: number, random: Random): Pods {
  const hostBits = Math.max(8, Math.ceil(Math.log2(Math.ceil(pods / nodes) + 3)));
  const size = 2 ** hostBits;
  if (nodes * size > POD_RANGE.size) {
    throw configInvalid("endpointsPerService", `endpoints that fit into ${POD_RANGE.size} addresses`, pods);
  }
  const podOf = shuffled(pods, random);
  return {
    range: (node) => `${formatIp((POD_RANGE.base + node * size) as Ip4)}/${32 - hostBits}`,
    endpoint(index) {
      const pod = podOf(index);
      const node = pod % nodes;
      return {
        addresses: [formatIp((POD_RANGE.base + node * size + 2 + Math.floor(pod / nodes)) as Ip4)],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: nodeName(node),
        zone: zoneName(node),
        hints: {},
      };
    },
  };
}

/** Gives the numbers of node ports, one service after the other; undefined for a service that has none. */
function nodePorts(share: number, random: Random): () => number | undefined {
  const order = shuffled(NODE_PORTS.count, random);
  let used = 0;
  return () => {
    if (!chance(share, random) || used === NODE_PORTS.count) return undefined;
    used += 1;
    return NODE_PORTS.first + order(used - 1);
  };
}

/** A bijection of 0…size-1 that follows the seed: not random, but without pattern enough for addresses. */
function shuffled(size: number, random: Random): (index: number) => number {
  const offset = random.below(Math.max(1, size));
  let step = 1 + random.below(Math.max(1, size));
  while (greatestCommonDivisor(step, size) > 1) step += 1;
  return (index) => (index * step + offset) % size;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function chance(share: number, random: Random): boolean {
  return random.u32() < share * 2 ** 32;
}

const nodeName = (node: number): string => `node-${node}`;
const zoneName = (node: number): string => `zone-${"abc"[node % 3]}`;

function metaOf(name: string, namespace: string, labels: Readonly<Record<string, string>> = {}): ObjectMeta {
  return { namespace, name, labels, annotations: {} };
}

function nodeOf(node: number, podRange: string): Node {
  const name = nodeName(node);
  return {
    kind: "Node",
    metadata: metaOf(name, "", { "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zoneName(node) }),
    podCIDRs: [podRange],
    taints: [],
    addresses: [
      { type: "InternalIP", address: formatIp((NODE_BASE + 1 + node) as Ip4) },
      { type: "Hostname", address: name },
    ],
  };
}

function serviceOf(metadata: ObjectMeta, ip: string, protocol: ProtocolName, nodePort: number | undefined): Service {
  const exposed = nodePort !== undefined;
  return {
    kind: "Service",
    metadata,
    spec: {
      type: exposed ? "NodePort" : "ClusterIP",
      clusterIP: ip,
      clusterIPs: [ip],
      ipFamilies: ["IPv4"],
      ports: [{ name: PORT_NAME, protocol, port: 80, ...(exposed ? { nodePort } : {}) }],
      sessionAffinity: "None",
      internalTrafficPolicy: "Cluster",
      ...(exposed ? { externalTrafficPolicy: "Cluster" } : {}),
    },
    ingress: [],
  };
}

/** As the controller, one slice even for a service without endpoints. */
function slicesOf(of: ObjectMeta, protocol: ProtocolName, endpoints: readonly SliceEndpoint[]): EndpointSlice[] {
  const count = Math.max(1, Math.ceil(endpoints.length / ENDPOINTS_PER_SLICE));
  return Array.from({ length: count }, (_, i) => ({
    kind: "EndpointSlice",
    metadata: metaOf(`${of.name}-${i}`, of.namespace, { "kubernetes.io/service-name": of.name }),
    addressType: "IPv4",
    ports: [{ name: PORT_NAME, protocol, port: 8080 }],
    endpoints: endpoints.slice(i * ENDPOINTS_PER_SLICE, (i + 1) * ENDPOINTS_PER_SLICE),
  }));
}
