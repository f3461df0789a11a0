import assert from "node:assert/strict";
import { isSluiceError } from "../../src/core/errors.ts";
import { generateCluster, type GenerateOptions } from "../../src/cluster/generate.ts";
import { inCidr, parseCidr } from "../../src/net/cidr.ts";
import { parseIp } from "../../src/net/ip.ts";
import { suite } from "../support/suite.ts";

const test = suite("generateCluster");
const small: GenerateOptions = { services: 50, endpointsPerService: 4, nodes: 3, seed: 1 };

test("the same seed gives the same cluster, another seed another one of the same size", () => {
  assert.deepEqual(generateCluster(small), generateCluster({ ...small }));
  const other = generateCluster({ ...small, seed: 2 });
  assert.notDeepEqual(other, generateCluster(small));
  assert.equal(other.services.length, 50);
});

test("cluster IPs are distinct and in the service range", () => {
  const { services, serviceCidrs } = generateCluster({ ...small, services: 20_000, endpointsPerService: 0 });
  const range = parseCidr(serviceCidrs[0]!.cidrs[0]!);
  const ips = services.map(({ spec }) => spec.clusterIP!);
  assert.equal(new Set(ips).size, 20_000);
  assert.ok(ips.every((ip) => inCidr(parseIp(ip), range)));
});

test("pods are distinct, and each lies in the pod range of its node", () => {
  for (const options of [small, { ...small, services: 300, endpointsPerService: 250, nodes: 7 }]) {
    const { endpointSlices, nodes } = generateCluster(options);
    const ranges = new Map(nodes.map(({ metadata, podCIDRs }) => [metadata.name, parseCidr(podCIDRs[0]!)]));
    const pods = endpointSlices.flatMap(({ endpoints }) => endpoints);
    assert.equal(
      new Set(pods.map(({ addresses }) => addresses[0])).size,
      options.services * options.endpointsPerService,
    );
    assert.ok(pods.every(({ addresses, nodeName }) => inCidr(parseIp(addresses[0]!), ranges.get(nodeName!)!)));
    assert.deepEqual(new Set(pods.map(({ nodeName }) => nodeName)), new Set(ranges.keys()));
  }
});

test("every service has its slices, of at most 100 endpoints, and one when it has no endpoint", () => {
  for (const [endpointsPerService, sizes] of [
    [0, [0]],
    [100, [100]],
    [250, [100, 100, 50]],
  ] as const) {
    const { services, endpointSlices } = generateCluster({ ...small, services: 2, endpointsPerService });
    for (const { metadata } of services) {
      const own = endpointSlices.filter(
        (slice) =>
          slice.metadata.namespace === metadata.namespace &&
          slice.metadata.labels["kubernetes.io/service-name"] === metadata.name,
      );
      assert.deepEqual(
        own.map(({ endpoints }) => endpoints.length),
        sizes,
      );
    }
  }
});

test("about as many services are UDP, and have a node port, as was asked for", () => {
  const { services } = generateCluster({
    ...small,
    services: 4000,
    endpointsPerService: 0,
    udpShare: 0.25,
    nodePortShare: 0.5,
  });
  const ports = services.flatMap(({ spec }) => spec.ports);
  const udp = ports.filter(({ protocol }) => protocol === "UDP").length;
  const nodePorts = ports.flatMap(({ nodePort }) => nodePort ?? []);
  // Binomial: σ is √(4000·¼·¾) = 27 and √(4000·½·½) = 32; 5 σ either way.
  assert.ok(Math.abs(udp - 1000) < 137, `${udp} are UDP`);
  assert.ok(Math.abs(nodePorts.length - 2000) < 158, `${nodePorts.length} have a node port`);
  assert.equal(new Set(nodePorts).size, nodePorts.length);
  assert.ok(nodePorts.every((port) => port >= 30_000 && port <= 32_767));
});

test("node ports end where the cluster has no more of them", () => {
  const { services } = generateCluster({ ...small, services: 3000, endpointsPerService: 0, nodePortShare: 1 });
  assert.equal(services.filter(({ spec }) => spec.type === "NodePort").length, 2768);
});

test("a cluster may be empty but for its nodes, of which there are three if nothing else is asked for", () => {
  const { nodes, services, endpointSlices } = generateCluster({ services: 0, endpointsPerService: 5, seed: 1 });
  assert.deepEqual([nodes.length, services.length, endpointSlices.length], [3, 0, 0]);
});

test("numbers out of range are refused by name", () => {
  const wrong: readonly (readonly [path: string, options: Partial<GenerateOptions>])[] = [
    ["services", { services: -1 }],
    ["services", { services: 1.5 }],
    ["endpointsPerService", { endpointsPerService: 1001 }],
    ["endpointsPerService", { services: 100_000, endpointsPerService: 100 }],
    ["nodes", { nodes: 0 }],
    ["seed", { seed: Number.NaN }],
    ["udpShare", { udpShare: 1.1 }],
    ["nodePortShare", { nodePortShare: -0.1 }],
  ];
  for (const [path, options] of wrong) {
    assert.throws(
      () => generateCluster({ ...small, ...options }),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
      JSON.stringify(options),
    );
  }
});
