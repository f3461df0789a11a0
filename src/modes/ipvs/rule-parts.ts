import { hostCidr, parseCidr } from "../../net/cidr.ts";
import { type Protocol, SCTP, TCP, UDP } from "../../net/flow.ts";
import type { Family } from "../../net/ip.ts";
import type { Match, Rule, Target } from "../iptables/ruleset.ts";
import { kubeSets, type SetKey, setName } from "./kube-sets.ts";

/** Which parts of a packet a set is asked for. */
export type Dimensions = readonly ("src" | "dst")[];

export const markMasquerade: Target = jump("KUBE-MARK-MASQ");
export const accept: Target = { kind: "accept" };
export const drop: Target = { kind: "drop" };
export const leave: Target = { kind: "return" };
export const toLocal: Match = { kind: "destination-type", type: "LOCAL" };
export const fromElsewhere: Match = { kind: "source-type", type: "LOCAL", not: true };
export const notBridged: Match = { kind: "physdev-is-in", not: true };

const protocols: { readonly [P in Protocol]: Match } = {
  [TCP]: { kind: "protocol", proto: TCP },
  [UDP]: { kind: "protocol", proto: UDP },
  [SCTP]: { kind: "protocol", proto: SCTP },
};

export function ofProtocol(proto: Protocol): Match {
  return protocols[proto];
}

export function fromLoopback(family: Family): Match {
  const range = family === 4 ? parseCidr("127.0.0.0/8") : hostCidr({ w0: 0, w1: 0, w2: 0, w3: 1 });
  return { kind: "source", range };
}

export function comment(text: string): Match {
  return { kind: "comment", text };
}

export function jump(chain: string): Target {
  return { kind: "jump", chain };
}

export function rule(matches: readonly Match[], target: Target): Rule {
  return { matches, target };
}

export function inSet(key: SetKey, family: Family, dimensions: Dimensions): Match {
  return { kind: "set", set: setName(key, family), dimensions };
}

/** The question whether a packet is in a set, with the comment that kube-proxy has for it. */
export function explained(key: SetKey, family: Family, dimensions: Dimensions): readonly [Match, Match] {
  return [comment(kubeSets[key].comment), inSet(key, family, dimensions)];
}
