import type { Program } from "../../modes/program.ts";
import { type Flow, formatSocketAddr, type SocketAddr, UDP } from "../../net/flow.ts";
import type { Decision } from "../dataplane.ts";
import type { KnownFlow } from "./conntrack.ts";
import { everyRule } from "./every-rule.ts";
import { nftablesUdpEndpoints } from "./nftables/udp-endpoints.ts";

/**
 * Which known UDP flows have to be forgotten once a program is in force, so that their next datagram is decided anew:
 * a client that never stops sending would otherwise send to a dead endpoint for ever. TCP finds out by itself.
 *
 * In the iptables mode that is what kube-proxy's clean-up of conntrack does after each sync: flows to an endpoint that
 * is gone, and flows that no rule met at the time, unless their service now has no endpoint at all. In the ipvs mode,
 * whose own connections are IPVS's (`ipvs/ipvs.ts`), flows of the mode before are told by their endpoint alone. The
 * userspace proxy keeps its sockets until they are idle or the service is gone.
 *
 * Source: kube-proxy 1.36, pkg/proxy/conntrack/cleanup.go.
 *
 * @param decideNow decides a flow by the new program without leaving a trace.
 */
export function staleUdpFlows(
  flows: readonly KnownFlow[],
  program: Program,
  decideNow: (flow: Flow) => Decision,
): readonly KnownFlow[] {
  if (program.mode === "userspace") {
    return flows.filter(({ flow }) => flow.proto === UDP && decideNow(flow).verdict === "pass");
  }
  const endpoints = new Set([...udpEndpoints(program)].map(formatSocketAddr));
  return flows.filter(({ flow, decision }) => {
    if (flow.proto !== UDP) return false;
    if (decision.verdict === "forward" && endpoints.has(formatSocketAddr(decision.to))) return false;
    return program.mode === "ipvs" || decideNow(flow).verdict === "forward";
  });
}

/** Every endpoint to which the program sends UDP; one may come several times. */
export function* udpEndpoints(program: Program): Iterable<SocketAddr> {
  if (program.mode === "userspace") {
    for (const { proto, endpoints } of program.table.forwards) if (proto === UDP) yield* endpoints;
    return;
  }
  if (program.mode === "iptables") {
    for (const { matches, target } of everyRule(program.rulesets)) {
      const udp = matches.some((match) => match.kind === "protocol" && match.proto === UDP);
      if (udp && target?.kind === "dnat") yield target.to;
    }
    return;
  }
  if (program.mode === "nftables") {
    yield* nftablesUdpEndpoints(program.ruleset);
    return;
  }
  for (const { virtualServers } of program.tables) {
    for (const { proto, servers } of virtualServers) if (proto === UDP) for (const { addr } of servers) yield addr;
  }
}
