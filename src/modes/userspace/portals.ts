import { hostCidr } from "../../net/cidr.ts";
import type { Ip } from "../../net/ip.ts";
import type { Chain, IptablesRuleset, Match, Rule, Target } from "../iptables/ruleset.ts";
import type { Forward, ForwardTable, Portal } from "./forward-table.ts";

/** Where the proxy's own sockets are: what the portal rules rewrite destinations to. */
export interface ProxySockets {
  /** The port on which each forward's connections are accepted, by its name; all forwards have one. */
  readonly ports: ReadonlyMap<string, number>;
  /** The address that the sockets are bound to; 0.0.0.0: all. */
  readonly bindIp: Ip;
  /** Where the host itself reaches the proxy while the sockets are bound to all addresses. */
  readonly hostIp: Ip;
}

interface PortalRules {
  /** Of traffic that comes in, from pods and from other hosts. */
  readonly container: Rule[];
  /** Of traffic that the host itself sends. */
  readonly host: Rule[];
  readonly nodePortContainer: Rule[];
  readonly nodePortHost: Rule[];
  readonly nodePortNonLocal: Rule[];
}

const toLocal: Match = { kind: "destination-type", type: "LOCAL" };
const notBridged: Match = { kind: "physdev-is-in", not: true };
const isNew: Match = { kind: "state", states: ["NEW"] };
const clusterIps = comment("handle ClusterIPs; NOTE: this must be before the NodePort rules");
const nodePorts = comment("handle service NodePorts; NOTE: this must be the last rule in the chain");
const nonLocal = comment("Ensure that non-local NodePort traffic can flow");

/**
 * The rules that lead traffic for service addresses to the proxy's sockets, in IPv4.
 *
 * Source: kube-proxy 1.25, pkg/proxy/userspace/proxier.go, `iptablesInit`, `openOnePortal`, `openNodePort`.
 */
export function compilePortals({ forwards }: ForwardTable, sockets: ProxySockets): IptablesRuleset {
  const rules: PortalRules = { container: [], host: [], nodePortContainer: [], nodePortHost: [], nodePortNonLocal: [] };
  for (const forward of forwards) addForward(rules, forward, sockets);
  const nat: readonly Chain[] = [
    builtIn(
      "PREROUTING",
      jump("KUBE-PORTALS-CONTAINER", clusterIps),
      jump("KUBE-NODEPORT-CONTAINER", toLocal, nodePorts),
    ),
    builtIn("INPUT"),
    builtIn("OUTPUT", jump("KUBE-PORTALS-HOST", clusterIps), jump("KUBE-NODEPORT-HOST", toLocal, nodePorts)),
    builtIn("POSTROUTING"),
    { name: "KUBE-PORTALS-CONTAINER", rules: rules.container },
    { name: "KUBE-PORTALS-HOST", rules: rules.host },
    { name: "KUBE-NODEPORT-CONTAINER", rules: rules.nodePortContainer },
    { name: "KUBE-NODEPORT-HOST", rules: rules.nodePortHost },
  ];
  const filter: readonly Chain[] = [
    builtIn("INPUT", jump("KUBE-NODEPORT-NON-LOCAL", nonLocal)),
    builtIn("FORWARD"),
    builtIn("OUTPUT"),
    { name: "KUBE-NODEPORT-NON-LOCAL", rules: rules.nodePortNonLocal },
  ];
  const tables = [
    { name: "nat", chains: nat },
    { name: "filter", chains: filter },
  ] as const;
  return { family: 4, tables };
}

function addForward(rules: PortalRules, forward: Forward, sockets: ProxySockets): void {
  const port = sockets.ports.get(forward.name)!;
  const anywhere = sockets.bindIp === 0;
  const fromHost: Target = { kind: "dnat", to: { ip: anywhere ? sockets.hostIp : sockets.bindIp, port } };
  const fromContainer: Target = anywhere ? { kind: "redirect", port } : fromHost;
  for (const portal of forward.portals) {
    if (portal.kind !== "node-port") addPortal(rules, forward, portal, fromContainer, fromHost);
  }
  // One node port, whichever addresses the node has: the jump tells which are local.
  const nodePort = forward.portals.find(({ kind }) => kind === "node-port");
  if (nodePort === undefined) return;
  const matches = toPort(forward, nodePort.addr.port);
  rules.nodePortContainer.push({ matches, target: fromContainer });
  rules.nodePortHost.push({ matches, target: fromHost });
  rules.nodePortNonLocal.push({ matches: [...toPort(forward, port), isNew], target: { kind: "accept" } });
}

function addPortal(
  { container, host }: PortalRules,
  forward: Forward,
  { kind, addr }: Portal,
  fromContainer: Target,
  fromHost: Target,
): void {
  const matches: readonly Match[] = [...toPort(forward, addr.port), { kind: "destination", range: hostCidr(addr.ip) }];
  if (kind === "external-ip") {
    // An external address may be another machine's: only what is meant for this host, or comes from its pods.
    container.push({ matches: [...matches, notBridged], target: fromContainer });
    container.push({ matches: [...matches, toLocal], target: fromContainer });
    host.push({ matches: [...matches, toLocal], target: fromHost });
  } else {
    container.push({ matches, target: fromContainer });
    host.push({ matches, target: fromHost });
  }
}

function builtIn(name: string, ...rules: readonly Rule[]): Chain {
  return { name, policy: "ACCEPT", rules };
}

function jump(chain: string, ...matches: readonly Match[]): Rule {
  return { matches, target: { kind: "jump", chain } };
}

function toPort({ name, proto }: Forward, port: number): readonly Match[] {
  return [comment(name), { kind: "protocol", proto }, { kind: "destination-port", proto, port }];
}

function comment(text: string): Match {
  return { kind: "comment", text };
}
