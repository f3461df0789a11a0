/** Services by literal, and what each mode makes of them. */
import { planNode } from "../../../src/agent/plan.ts";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { snapshotOf } from "../../../src/cluster/state.ts";
import type { NodePlan } from "../../../src/dataplane/dataplane.ts";
import { buildModel } from "../../../src/model/build.ts";
import { compileProgram, type ProgramOptions } from "../../../src/modes/compile.ts";
import type { Mode, Program } from "../../../src/modes/program.ts";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { formatIp } from "../../../src/net/ip.ts";
import { endpoints, node, service, slice } from "../../support/objects.ts";

export interface TestService {
  /** Of the service; its port has no name, so that this names the service port too. */
  readonly name?: string;
  readonly clusterIp?: string;
  readonly port?: number;
  readonly protocol?: "TCP" | "UDP" | "SCTP";
  readonly nodePort?: number;
  readonly endpoints: readonly SocketAddr[];
  readonly affinitySeconds?: number;
  /** A load balancer's address, and who may use it. */
  readonly loadBalancer?: { readonly ip: string; readonly sourceRanges: readonly string[] };
}

/** What `apply` takes. */
export type Applied = readonly [Program, NodePlan];

/** What a mode makes of these services on a node. */
export function compiled(mode: Mode, services: readonly TestService[], options: ProgramOptions = {}): Applied {
  const model = buildModel(snapshotOf([node(), ...services.flatMap(objectsOf)]), "node-a");
  return [compileProgram(mode, model, options), planNode(model, mode)];
}

function objectsOf(given: TestService): ClusterObject[] {
  const { name = "web", clusterIp = "10.96.0.10", port = 80, protocol = "TCP", nodePort } = given;
  const { affinitySeconds, loadBalancer } = given;
  const ipv6 = clusterIp.includes(":");
  const servicePort = nodePort === undefined ? { name: "", protocol, port } : { name: "", protocol, port, nodePort };
  const kind = loadBalancer === undefined ? (nodePort === undefined ? "ClusterIP" : "NodePort") : "LoadBalancer";
  return [
    service({
      name,
      type: kind,
      clusterIP: clusterIp,
      ports: [servicePort],
      ...(affinitySeconds === undefined
        ? {}
        : { sessionAffinity: "ClientIP", affinityTimeoutSeconds: affinitySeconds }),
      ...(loadBalancer === undefined
        ? {}
        : { ingress: [{ ip: loadBalancer.ip }], loadBalancerSourceRanges: loadBalancer.sourceRanges }),
    }),
    // Each endpoint has a port of its own, so each has a slice of its own.
    ...given.endpoints.map((addr, at) =>
      slice({
        service: name,
        name: `${name}-${at}`,
        addressType: ipv6 ? "IPv6" : "IPv4",
        ports: [{ name: "", protocol, port: addr.port }],
        endpoints: [formatIp(addr.ip)],
      }),
    ),
    {
      ...endpoints({ name }),
      subsets: given.endpoints.map((addr) => ({
        addresses: [{ ip: formatIp(addr.ip) }],
        ports: [{ name: "", protocol, port: addr.port }],
      })),
    },
  ];
}
