import type { Frontend } from "../dataplane/dataplane.ts";
import { setName } from "../modes/ipvs/kube-sets.ts";
import { TCP, tryParseProtocol, UDP } from "../net/flow.ts";
import type { NodeParts } from "./assemble-node.ts";
import { commentOf } from "./places.ts";

/** Chains that kube-proxy's rules of node ports are in, of any of its modes and times. */
const chainNames: ReadonlySet<string> = new Set(["KUBE-NODEPORTS", "KUBE-NODEPORT-CONTAINER", "KUBE-NODEPORT-HOST"]);
const mapNames: ReadonlySet<string> = new Set(["service-nodeports", "no-endpoint-nodeports"]);

/**
 * The service whose node port a port is, or what the rules call it. Node ports have no address of their own: a rule that
 * has one says nothing until it is known which addresses are the node's.
 *
 * @returns undefined: no node port.
 */
export function nodePortOf(
  parts: NodeParts,
  frontends: readonly Frontend[],
  proto: number,
  port: number,
): string | undefined {
  const named = frontends.find((one) => one.kind === "node-port" && one.proto === proto && one.addr.port === port);
  if (named !== undefined) return named.servicePort;
  return inIptables(parts, proto, port) ?? inMaps(parts, proto, port) ?? inSets(parts, proto, port);
}

function inIptables({ iptables = [] }: NodeParts, proto: number, port: number): string | undefined {
  for (const { name, rules } of iptables.flatMap(({ tables }) => tables.flatMap(({ chains }) => chains))) {
    if (!chainNames.has(name)) continue;
    const rule = rules.find(({ matches }) =>
      matches.some((match) => match.kind === "destination-port" && match.proto === proto && match.port === port),
    );
    if (rule !== undefined) return commentOf(rule.matches) || "a service";
  }
  return undefined;
}

function inMaps({ nftables }: NodeParts, proto: number, port: number): string | undefined {
  const maps = (nftables?.tables ?? []).flatMap(({ sets }) => sets.filter(({ name }) => mapNames.has(name)));
  const isThere = maps.some(({ elements }) =>
    elements.some(({ key }) => {
      const [name, number] = key.kind === "concat" ? key.parts : [];
      const isPort = number?.kind === "number" && number.value === port;
      return isPort && name?.kind === "text" && tryParseProtocol(name.text) === proto;
    }),
  );
  return isThere ? "a service" : undefined;
}

function inSets({ sets = [] }: NodeParts, proto: number, port: number): string | undefined {
  const key = proto === TCP ? "nodePortTcp" : proto === UDP ? "nodePortUdp" : "nodePortSctp";
  const names = new Set([setName(key, 4), setName(key, 6)]);
  const isThere = sets.some(
    ({ name, entries }) =>
      names.has(name) && entries.some(({ parts }) => parts.some((part) => part.kind === "port" && part.port === port)),
  );
  return isThere ? "a service" : undefined;
}
