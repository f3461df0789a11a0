import type { Cidr } from "../../net/cidr.ts";
import { type Protocol, protocolName, SCTP, type SocketAddr, TCP, UDP } from "../../net/flow.ts";
import type { Family, Ip } from "../../net/ip.ts";
import type { Constant, Expression, MatchOperator, Rule, Selector, Statement, Verdict } from "./ruleset.ts";

/** Shared by all rules and elements: a large cluster has a hundred thousand of them. */
const constants: { readonly [P in Protocol]: Constant } = {
  [TCP]: { kind: "text", text: protocolName(TCP) },
  [UDP]: { kind: "text", text: protocolName(UDP) },
  [SCTP]: { kind: "text", text: protocolName(SCTP) },
};
const protocol: Selector = { kind: "meta", key: "l4proto" };
const destinationPort: Selector = { kind: "payload", protocol: "th", field: "dport" };

export const mark: Selector = { kind: "meta", key: "mark" };
export const source: { readonly [F in Family]: Selector } = {
  4: { kind: "payload", protocol: "ip", field: "saddr" },
  6: { kind: "payload", protocol: "ip6", field: "saddr" },
};
export const destination: { readonly [F in Family]: Selector } = {
  4: { kind: "payload", protocol: "ip", field: "daddr" },
  6: { kind: "payload", protocol: "ip6", field: "daddr" },
};

/** Protocol and port, the key of the maps of node ports. */
export const toPort: Expression = { kind: "concat", parts: [protocol, destinationPort] };
/** Address, protocol and port, the key of the maps of services. */
export const toService: { readonly [F in Family]: Expression } = {
  4: { kind: "concat", parts: [destination[4], protocol, destinationPort] },
  6: { kind: "concat", parts: [destination[6], protocol, destinationPort] },
};
/** The same behind the source. */
export const fromAndTo: { readonly [F in Family]: Expression } = {
  4: { kind: "concat", parts: [source[4], destination[4], protocol, destinationPort] },
  6: { kind: "concat", parts: [source[6], destination[6], protocol, destinationPort] },
};

export const isNew: Statement = {
  kind: "match",
  operator: "in",
  left: { kind: "ct", key: "state" },
  right: { kind: "text", text: "new" },
};
export const fromLocal: Statement = ofLocalType("saddr");
export const toLocal: Statement = ofLocalType("daddr");

const protocolMatches: { readonly [P in Protocol]: Statement } = {
  [TCP]: match(protocol, "==", constants[TCP]),
  [UDP]: match(protocol, "==", constants[UDP]),
  [SCTP]: match(protocol, "==", constants[SCTP]),
};

export function match(left: Expression, operator: MatchOperator, right: Expression): Statement {
  return { kind: "match", operator, left, right };
}

export function ofProtocol(proto: Protocol): Statement {
  return protocolMatches[proto];
}

export function vmap(key: Expression, map: string): Statement {
  return { kind: "vmap", key, data: reference(map) };
}

export function reference(set: string): Expression {
  return { kind: "set-reference", set };
}

export function goto(chain: string): Verdict {
  return { kind: "goto", chain };
}

/** Sets a bit of the mark. */
export function markWith(bit: number): Statement {
  return changeMark("|", bit);
}

export function changeMark(operator: "|" | "^", value: number): Statement {
  return {
    kind: "mangle",
    target: mark,
    value: { kind: "binary", operator, operands: [mark, { kind: "number", value }] },
  };
}

/** The answer is that the port is unreachable. */
export function reject(family: Family): Statement {
  return { kind: "reject", type: family === 4 ? "icmp" : "icmpv6", reason: "port-unreachable" };
}

export function rule(statements: readonly Statement[], comment?: string): Rule {
  return comment === undefined ? { statements } : { statements, comment };
}

export function address(ip: Ip): Constant {
  return { kind: "ip", ip };
}

/** A range; of one address, that address. */
export function range(cidr: Cidr): Constant {
  const isHost = cidr.bits === (typeof cidr.base === "number" ? 32 : 128);
  return isHost ? address(cidr.base) : { kind: "cidr", range: cidr };
}

/** Ports and places in a list come again and again. */
const numbers: Constant[] = [];

/** @param value below 65,536. */
export function number(value: number): Constant {
  return (numbers[value] ??= { kind: "number", value });
}

export function portKey(proto: Protocol, port: number): Expression {
  return { kind: "concat", parts: [constants[proto], number(port)] };
}

export function serviceKey(ip: Ip, proto: Protocol, port: number): Expression {
  return { kind: "concat", parts: [address(ip), constants[proto], number(port)] };
}

/** An endpoint that reaches itself. */
export function hairpinKey({ ip, port }: SocketAddr, proto: Protocol): Expression {
  const own = address(ip);
  return { kind: "concat", parts: [own, own, constants[proto], number(port)] };
}

function ofLocalType(field: "saddr" | "daddr"): Statement {
  return match({ kind: "fib", result: "type", flags: [field] }, "==", { kind: "text", text: "local" });
}
