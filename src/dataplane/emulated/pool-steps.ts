import { listed } from "../../balancers/backend-set.ts";
import { renderIpvs } from "../../modes/ipvs/render.ts";
import type { VirtualServer } from "../../modes/ipvs/tables.ts";
import type { Forward } from "../../modes/userspace/forward-table.ts";
import { formatSocketAddr, protocolName } from "../../net/flow.ts";
import { familyOf } from "../../net/ip.ts";
import type { FlowDecision, ServicePool, Step } from "./decider.ts";

/** The steps of a trace once the decision is known: the service, then its servers in list order, as they stood before. */
export type StepsOf = (decision: FlowDecision) => readonly Step[];

/** Of a virtual server, in the words of `ipvsadm -S -n`. */
export function virtualServerSteps(server: VirtualServer, pool: ServicePool): StepsOf {
  const tables = { family: familyOf(server.addr.ip), virtualServers: [server] };
  const [service, ...servers] = renderIpvs(tables).trimEnd().split("\n");
  const rules = new Map(server.servers.map(({ addr }, index) => [formatSocketAddr(addr), servers[index]!]));
  return poolSteps("ipvs", service!, pool, (endpoint) => rules.get(endpoint)!);
}

/** Of a userspace forward, which no kernel has words for. */
export function forwardSteps({ name, proto, portals }: Forward, pool: ServicePool): StepsOf {
  const at = portals.map(({ addr }) => formatSocketAddr(addr)).join(", ");
  return poolSteps("userspace", `${name}: ${protocolName(proto)} ${at}`, pool, (endpoint) => `${name} -> ${endpoint}`);
}

function poolSteps(
  where: string,
  service: string,
  { pool, addrs }: ServicePool,
  ruleOf: (endpoint: string) => string,
): StepsOf {
  const { active, inactive, weight } = pool.set;
  const standing = listed(pool.set).map((slot) => ({
    slot,
    rule: ruleOf(formatSocketAddr(addrs[slot]!)),
    load: `weight ${weight[slot]}, active ${active[slot]}, inactive ${inactive[slot]}`,
  }));
  return (decision) => {
    const chosen = decision.verdict === "forward" ? decision.counted?.slot : undefined;
    const servers = standing.map(({ slot, rule, load }) => ({
      where,
      rule,
      matched: slot === chosen,
      effect: slot === chosen ? `chosen: ${load}` : load,
    }));
    const effect = chosen === undefined ? `no usable server: ${decision.verdict}` : "choose a server";
    return [{ where, rule: service, matched: true, effect }, ...servers];
  };
}
