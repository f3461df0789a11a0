import type { Element, Expression, NamedSet } from "../../../modes/nftables/ruleset.ts";
import type { Ip } from "../../../net/ip.ts";
import type { DecisionState } from "../decider.ts";
import { notEmulated } from "../not-emulated.ts";
import type { Packet } from "../packet.ts";
import { type Lookup, prepareComparison, prepareLookup } from "./sets.ts";

/** What conditions are decided by, besides the packet. */
export interface SetContext {
  readonly state: DecisionState;
  isLocal(ip: Ip): boolean;
  /** @throws {SluiceError} DATAPLANE_FAILED for a set that is not there. */
  set(name: string): NamedSet;
}

/**
 * Makes the left and the right side of a match ready.
 *
 * @throws {SluiceError} DATAPLANE_FAILED for what kube-proxy's rules do not have.
 */
export function prepareTest(left: Expression, right: Expression, context: SetContext): (packet: Packet) => boolean {
  if (left.kind === "ct") return connectionTest(left.key, right);
  if (left.kind === "fib") return localTest(left, right, context.isLocal);
  if (right.kind === "set-reference" && isDynamic(context.set(right.set))) return seenTest(left, right.set, context);
  if (right.kind === "set" || right.kind === "set-reference") {
    const find = prepareMap(left, right, context, () => true);
    return (packet) => find(packet) === true;
  }
  return prepareComparison(left, right);
}

/** Holds for every packet. */
export const always = (): boolean => true;

/** A first packet is new; its addresses may have been rewritten on the way. */
function connectionTest(key: string, right: Expression): (packet: Packet) => boolean {
  const word = right.kind === "text" ? right.text : "";
  if (key === "state") return word === "new" ? always : () => false;
  if (key === "status" && word === "dnat") return ({ dnat }) => dnat;
  if (key === "status" && word === "snat") return ({ snat }) => snat;
  throw notEmulated(`ct ${key}`);
}

function localTest(
  { result, flags }: Expression & { readonly kind: "fib" },
  right: Expression,
  isLocal: (ip: Ip) => boolean,
): (packet: Packet) => boolean {
  const [field] = flags;
  const known = result === "type" && flags.length === 1 && right.kind === "text" && right.text === "local";
  if (known && field === "saddr") return ({ src }) => isLocal(src);
  if (known && field === "daddr") return ({ dst }) => isLocal(dst);
  throw notEmulated(`fib ${flags.join(" . ")} ${result}`);
}

/**
 * Makes a set or map ready, named or not. A random key draws an element, each with the same chance.
 *
 * @param valueOf what an element has.
 */
export function prepareMap<T>(
  key: Expression,
  data: Expression,
  { state, set }: SetContext,
  valueOf: (element: Element) => T,
): Lookup<T> {
  const elements =
    data.kind === "set-reference" ? set(data.set).elements : data.kind === "set" ? data.elements : undefined;
  if (elements === undefined) throw notEmulated(`nftables: ${data.kind} as a set`);
  if (key.kind !== "numgen") return prepareLookup(elements, key, valueOf);
  if (key.mode !== "random") throw notEmulated(`numgen ${key.mode}`);
  const byNumber: T[] = [];
  for (const element of elements) {
    if (element.key.kind === "number") byNumber[element.key.value] = valueOf(element);
  }
  return () => byNumber[key.offset + state.random.below(key.mod)];
}

function isDynamic({ flags }: NamedSet): boolean {
  return flags.includes("dynamic");
}

/** Sets to which packets add their source are the lists of clients that affinity remembers. */
function seenTest(left: Expression, name: string, { state, set }: SetContext): (packet: Packet) => boolean {
  const seconds = set(name).timeoutSeconds ?? 0;
  requireSource(left);
  return ({ src, nowMs }) => state.recent.seen(name, src, nowMs, seconds);
}

/** Only clients are remembered. */
export function requireSource(key: Expression): void {
  if (key.kind !== "payload" || key.field !== "saddr") throw notEmulated("nftables: a set that packets change");
}
