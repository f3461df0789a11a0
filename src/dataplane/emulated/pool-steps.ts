import { type BackendSet, listed } from "../../balancers/backend-set.ts";
import { renderIpvs } from "../../modes/ipvs/render.ts";
import type { VirtualServer } from "../../modes/ipvs/tables.ts";
import type { Forward } from "../../modes/userspace/forward-table.ts";
import { formatSocketAddr, protocolName, type SocketAddr } from "../../net/flow.ts";
import { familyOf } from "../../net/ip.ts";
import type { FlowDecision, Step } from "./decider.ts";

/**
 * The steps of a trace once it is known what becomes of the flow, and which slot takes it: the service, then its servers
 * in list order, as they stood before.
 */
export type StepsOf = (verdict: FlowDecision["verdict"], chosen: number | undefined) => readonly Step[];

/** The address of the server in a listed slot. */
type AddrOf = (slot: number) => SocketAddr;

/** Of a virtual server, in the words of `ipvsadm -S -n`. */
export function virtualServerSteps(server: VirtualServer, set: BackendSet, addrOf: AddrOf): StepsOf {
  const tables = { family: familyOf(server.addr.ip), virtualServers: [server] };
  const [service, ...servers] = renderIpvs(tables).trimEnd().split("\n");
  const rules = new Map(server.servers.map(({ addr }, index) => [formatSocketAddr(addr), servers[index]!]));
  return serviceSteps("ipvs", service!, set, addrOf, (endpoint) => rules.get(endpoint)!);
}

/** Of a userspace forward, which no kernel has words for. */
export function forwardSteps(forward: Forward, set: BackendSet, addrOf: AddrOf): StepsOf {
  const { name, proto, portals, nodePort } = forward;
  const onNode = nodePort === 0 ? [] : [`node port ${nodePort}`];
  const at = [...portals.map(({ addr }) => formatSocketAddr(addr)), ...onNode];
  const service = `${name}: ${protocolName(proto)} ${at.join(", ")}`;
  return serviceSteps("userspace", service, set, addrOf, (endpoint) => `${name} -> ${endpoint}`);
}

function serviceSteps(
  where: string,
  service: string,
  set: BackendSet,
  addrOf: AddrOf,
  ruleOf: (endpoint: string) => string,
): StepsOf {
  const { active, inactive, weight } = set;
  const standing = listed(set).map((slot) => ({
    slot,
    rule: ruleOf(formatSocketAddr(addrOf(slot))),
    load: `weight ${weight[slot]}, active ${active[slot]}, inactive ${inactive[slot]}`,
  }));
  return (verdict, chosen) => {
    const servers = standing.map(({ slot, rule, load }) => ({
      where,
      rule,
      matched: slot === chosen,
      effect: slot === chosen ? `chosen: ${load}` : load,
    }));
    const effect = chosen === undefined ? `no usable server: ${verdict}` : "choose a server";
    return [{ where, rule: service, matched: true, effect }, ...servers];
  };
}
