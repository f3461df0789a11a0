import { hostCidr } from "../../net/cidr.ts";
import { type Protocol, SCTP, TCP, UDP } from "../../net/flow.ts";
import type { Ip } from "../../net/ip.ts";
import type { ConntrackState, Match, Target } from "./ruleset.ts";

/** Shared by all rules: a large cluster has a hundred thousand of them. */
const protocols: { readonly [P in Protocol]: Match } = {
  [TCP]: { kind: "protocol", proto: TCP },
  [UDP]: { kind: "protocol", proto: UDP },
  [SCTP]: { kind: "protocol", proto: SCTP },
};

export const fromLocal: Match = { kind: "source-type", type: "LOCAL" };
export const toLocal: Match = { kind: "destination-type", type: "LOCAL" };

export function comment(text: string): Match {
  return { kind: "comment", text };
}

export function states(...all: readonly ConntrackState[]): Match {
  return { kind: "conntrack-state", states: all };
}

export function from(ip: Ip): Match {
  return { kind: "source", range: hostCidr(ip) };
}

export function to(ip: Ip): Match {
  return { kind: "destination", range: hostCidr(ip) };
}

export function toPort(proto: Protocol, port: number): readonly [Match, Match] {
  return [{ kind: "destination-port", proto, port }, protocols[proto]];
}

export function ofProtocol(proto: Protocol): readonly [Match, Match] {
  return [{ kind: "protocol-module", proto }, protocols[proto]];
}

export function jump(chain: string): Target {
  return { kind: "jump", chain };
}

/** Asks for masquerading, which KUBE-POSTROUTING does. */
export const markMasquerade: Target = jump("KUBE-MARK-MASQ");
