import type { ClusterObject } from "../../../src/cluster/objects.ts";
import type { Model } from "../../../src/model/model.ts";
import { seen } from "../../model/seen.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";

const ports = [
  { name: "http", protocol: "TCP", port: 80, nodePort: 30080 },
  { name: "dns", protocol: "UDP", port: 53, nodePort: 30053 },
  { name: "sig", protocol: "SCTP", port: 99, nodePort: 30099 },
] as const;
const slicePorts = ports.map(({ name, protocol, port }) => ({ name, protocol, port: 8000 + port }));

/** A service of both families at every kind of address, with one endpoint here and one elsewhere. */
function everywhere(number: number, given: Parameters<typeof service>[0]): readonly ClusterObject[] {
  const name = `s${number}`;
  const at = (pod: number): string => `10.244.${pod}.${number}`;
  const at6 = (pod: number): string => `fd00:10:244:${pod}::${number}`;
  const on = { nodeName: "node-a" };
  return [
    service({
      name,
      type: "LoadBalancer",
      clusterIPs: [`10.96.0.${number}`, `fd00:96::${number}`],
      ports: ports.map((port) => Object.assign({}, port, { nodePort: port.nodePort + number * 100 })),
      externalIPs: [`192.0.2.${number}`, `fd00:192:2::${number}`],
      ingress: [{ ip: `203.0.113.${number}` }, { ip: `fd00:203::${number}` }],
      ...given,
    }),
    slice({ service: name, ports: slicePorts, endpoints: [endpoint(at(1), on), at(2)] }),
    slice({ service: name, addressType: "IPv6", ports: slicePorts, endpoints: [endpoint(at6(1), on), at6(2)] }),
  ];
}

/**
 * A cluster that fills every set and has every rule but those that close an address to its node: for these the kernel
 * has to have IPVS.
 */
export const everyService: Model = seen([
  node(),
  ...everywhere(1, {}),
  ...everywhere(2, { externalTrafficPolicy: "Local", healthCheckNodePort: 32000 }),
  ...everywhere(3, { loadBalancerSourceRanges: ["192.168.0.0/16", "198.51.100.7/32", "fd00:192::/32"] }),
]);
