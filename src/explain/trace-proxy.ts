import type { NodePlan } from "../dataplane/dataplane.ts";
import { createForwardIndex } from "../dataplane/emulated/forward-index.ts";
import { entryOf } from "../dataplane/emulated/netfilter/entry.ts";
import { fraction } from "../dataplane/emulated/netfilter/fraction.ts";
import type { Routing } from "../dataplane/emulated/netfilter/host-node.ts";
import type { Forward, ForwardTable } from "../modes/userspace/forward-table.ts";
import { type Flow, formatSocketAddr, protocolName, SCTP, type SocketAddr, UDP } from "../net/flow.ts";
import { familyOf, type Ip } from "../net/ip.ts";
import type { Endpoint, PacketEnd, PacketOutcome, PathStep } from "./packet-outcome.ts";
import type { PacketTrace, TracePacketOptions } from "./trace-packet.ts";

/** Where a proxy in userspace sends flows: what it forwards, on which node. */
export interface ProxySubject {
  readonly table: ForwardTable;
  readonly plan: Pick<NodePlan, "nodeAddresses">;
  readonly routing: Routing;
}

/** net.ipv4.ip_local_port_range, as the kernel has it. */
const ownPorts = { first: 32_768, last: 60_999 };

/**
 * Traces the first packet of a flow through a node of the userspace mode. Its rules lead clients to a process, which
 * makes a connection of its own to an endpoint: the endpoint sees the node.
 */
export function traceProxy(
  { table, plan, routing }: ProxySubject,
  flow: Flow,
  { inInterface = entryOf(routing, flow.src).device, showsAll = false }: TracePacketOptions = {},
): PacketTrace {
  const forward = createForwardIndex(table, plan.nodeAddresses).find(flow);
  const assumptions = new Set<string>();
  const outcomes = outcomesOf(forward, flow, routing, showsAll);
  for (const { assumptions: some } of outcomes) for (const one of some) assumptions.add(one);
  return { head: flow, inInterface, outcomes, assumptions: [...assumptions], harmless: [] };
}

function outcomesOf(
  forward: Forward | undefined,
  flow: Flow,
  routing: Routing,
  showsAll: boolean,
): readonly PacketOutcome[] {
  if (forward === undefined) return [outcome(untouched(flow, routing), 1)];
  const { endpoints } = forward;
  if (endpoints.length === 0) return [outcome(closed(forward, flow), 1)];
  return endpoints.map((to) => outcome(forwarded(forward, flow, to, routing, showsAll), endpoints.length));
}

/** @param many as likely ones there are. */
function outcome(end: PacketEnd, many: number): PacketOutcome {
  const share = fraction(1, many);
  return { ...end, probability: share, exact: share };
}

/** Of no service: the node's own, or routed on. */
function untouched(flow: Flow, routing: Routing): PacketEnd {
  const isLocal = routing.isLocal(flow.dst);
  const device = isLocal ? "" : (routing.route(flow.dst)?.device ?? "");
  const unserved = flow.proto === SCTP ? "SCTP" : familyOf(flow.dst) === 6 ? "IPv6" : "";
  return {
    ...plainEnd(flow),
    // Looking up its destination is what it passes.
    passed: 1,
    verdict: isLocal ? "local" : "pass",
    device,
    by: unserved === "" ? "" : `the userspace mode does not serve ${unserved}`,
  };
}

function closed(forward: Forward, flow: Flow): PacketEnd {
  const what = flow.proto === UDP ? "the client hears nothing" : "accepted, then closed without data";
  const by = `userspace: ${forward.name} has no endpoints: ${what}`;
  return { ...plainEnd(flow), verdict: "drop", by, passed: 1, path: [serviceStep(forward, what)] };
}

function forwarded(forward: Forward, flow: Flow, to: SocketAddr, routing: Routing, showsAll: boolean): PacketEnd {
  const { route, source } = wayTo(to.ip, routing);
  return {
    verdict: "forward",
    to,
    source,
    device: route?.device ?? "",
    by: "",
    passed: 1,
    path: [serviceStep(forward, "its endpoints take turns"), ...endpointSteps(forward, to, showsAll)],
    back: { verdict: "pass", from: clientsView(flow), to: { ip: flow.src, port: flow.srcPort }, by: "" },
    assumptions: [
      "whose turn it is at the proxy is unknown: any endpoint is as likely",
      "no client has an endpoint of its own yet, by affinity",
    ].slice(0, forward.affinitySeconds > 0 ? 2 : 1),
  };
}

/** The address that the proxy's own connections have, as the kernel chooses it. */
function wayTo(ip: Ip, routing: Routing): { readonly route: ReturnType<Routing["route"]>; readonly source: Endpoint } {
  const route = routing.route(ip);
  const own = route === undefined ? undefined : (route.source ?? routing.masqueradeSource(route, ip));
  return { route, source: { ip: route?.type === "local" ? ip : (own ?? ip), port: ownPorts.first, ports: ownPorts } };
}

function serviceStep({ name, proto, portals, nodePort, affinitySeconds }: Forward, effect: string): PathStep {
  const places = portals.map(({ addr }) => formatSocketAddr(addr));
  const at = [...places, ...(nodePort === 0 ? [] : [`node port ${nodePort}`])].join(", ");
  return {
    hook: "PROXY",
    where: "userspace",
    rule: `${name}: ${protocolName(proto)} ${at}`,
    matched: true,
    effect,
    ...(affinitySeconds > 0 ? { sticksSeconds: affinitySeconds } : {}),
  };
}

function endpointSteps({ name, endpoints }: Forward, to: SocketAddr, showsAll: boolean): readonly PathStep[] {
  return endpoints
    .filter((endpoint) => showsAll || endpoint === to)
    .map((endpoint) => ({
      hook: "PROXY",
      where: "userspace",
      rule: `${name} -> ${formatSocketAddr(endpoint)}`,
      matched: endpoint === to,
      effect: endpoint === to ? "a connection of the proxy's own" : "",
    }));
}

function clientsView({ dst, dstPort }: Flow): Endpoint {
  return { ip: dst, port: dstPort };
}

function plainEnd(flow: Flow): Omit<PacketEnd, "verdict"> {
  return {
    to: { ip: flow.dst, port: flow.dstPort },
    source: { ip: flow.src, port: flow.srcPort },
    device: "",
    by: "",
    passed: 0,
    path: [],
    assumptions: [],
  };
}
