import { hostCidr } from "../../net/cidr.ts";
import type { Chain, IptablesRuleset, Match, Rule, Target } from "../iptables/ruleset.ts";
import type { Forward, ForwardTable, Portal } from "./forward-table.ts";

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

/** Chains whose jumps stand behind all other rules: node ports are all that is left then. */
export const lastChains: ReadonlySet<string> = new Set(["KUBE-NODEPORT-CONTAINER", "KUBE-NODEPORT-HOST"]);

/**
 * The rules that lead traffic for service addresses to the proxy ports, in IPv4.
 *
 * Source: kube-proxy 1.25, pkg/proxy/userspace/proxier.go, `iptablesInit`, `openOnePortal`, `openNodePort`.
 */
export function compilePortals(table: ForwardTable): IptablesRuleset {
  const rules: PortalRules = { container: [], host: [], nodePortContainer: [], nodePortHost: [], nodePortNonLocal: [] };
  for (const forward of table.forwards) addForward(rules, forward, table);
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
  return {
    family: 4,
    tables: [
      { name: "filter", chains: filter },
      { name: "nat", chains: nat },
    ],
  };
}

function addForward(rules: PortalRules, forward: Forward, { bindIp, hostIp }: ForwardTable): void {
  const { proxyPort, portals, nodePort } = forward;
  const fromHost: Target = { kind: "dnat", to: { ip: hostIp, port: proxyPort } };
  const fromContainer: Target = bindIp === 0 ? { kind: "redirect", port: proxyPort } : fromHost;
  for (const portal of portals) addPortal(rules, forward, portal, fromContainer, fromHost);
  if (nodePort === 0) return;
  const matches = toPort(forward, nodePort);
  rules.nodePortContainer.push({ matches, target: fromContainer });
  rules.nodePortHost.push({ matches, target: fromHost });
  // By now the destination is rewritten: it is the proxy port that comes in.
  rules.nodePortNonLocal.push({ matches: [...toPort(forward, proxyPort), isNew], target: { kind: "accept" } });
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
