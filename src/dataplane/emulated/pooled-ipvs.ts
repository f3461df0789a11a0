import type { IpvsTables, VirtualServer } from "../../modes/ipvs/tables.ts";
import { createAddrIndex } from "./addr-index.ts";
import type { Decider, DecisionState } from "./decider.ts";
import { decideByPool, noService, type PoolService } from "./pool-decision.ts";
import { virtualServerKey } from "./pool-plan.ts";
import { virtualServerSteps } from "./pool-steps.ts";

/**
 * Makes virtual servers ready to decide over pools that threads share: a flow goes to the virtual server at its
 * destination, whose scheduler picks. A virtual server without a usable server rejects; where there is none, the flow
 * passes.
 *
 * The workers decide by it, and traces on a node where nothing has happened yet. An emulated node has IPVS's own
 * connection table instead, with templates and time-outs (`ipvs/ipvs.ts`). The schedulers are the same ones.
 *
 * IPVS leaves the source as it is; the iptables rules that have kube-proxy's IPVS mode masquerade are not walked, so
 * `masquerade` is always false.
 */
export function prepareIpvs(tables: readonly IpvsTables[], state: DecisionState): Decider {
  const virtualServers = tables.flatMap((table) => table.virtualServers);
  const services = createAddrIndex(
    virtualServers.map((server) => ({ proto: server.proto, addr: server.addr, value: serviceOf(server) })),
  );
  return {
    decide(flow, _attempt, watch) {
      const service = services.find(flow);
      return service === undefined ? noService : decideByPool(service, flow, false, state, watch);
    },
  };
}

function serviceOf(server: VirtualServer): PoolService {
  return {
    key: virtualServerKey(server),
    masquerade: false,
    none: "reject",
    stepsOf: (set, addrOf) => virtualServerSteps(server, set, addrOf),
  };
}
