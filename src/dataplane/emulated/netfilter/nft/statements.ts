import { assertNever } from "../../../../core/errors.ts";
import type { Expression, Statement, Verdict } from "../../../../modes/nftables/ruleset.ts";
import { formatIp, type Ip, type Ip4 } from "../../../../net/ip.ts";
import { chosenRoute } from "../chosen-route.ts";
import { bind, inNetwork, type Manipulation, type NatTo } from "../nat.ts";
import type { Walk } from "../walk.ts";
import { prepareExpression, preparedSetOf, type TableSets } from "./expressions.ts";
import { prepareMatch } from "./matches.ts";
import { isIdle } from "./mangle.ts";
import { prepareOther } from "./other-statements.ts";
import { NETMAP, type NetworkRead, prepareNetwork } from "./netmap.ts";
import type { PreparedRead } from "./selectors.ts";
import { intervalOf } from "./sets.ts";
import { type Atom, isAbsent, isConcatenation, MISSING } from "./value.ts";

/** What comes of a statement. */
export type Result =
  /** On to the next statement of the rule. */
  | { readonly kind: "next" }
  /** The rule ends here. */
  | { readonly kind: "break" }
  | { readonly kind: "verdict"; readonly verdict: Verdict }
  | { readonly kind: "reject" }
  /** Nobody can tell what this does. */
  | { readonly kind: "undecided"; readonly why: string };

/** Takes what nobody can tell to hold or not. */
export type Doubting = (walk: Walk, why: string) => boolean;

export type PreparedStatement = (walk: Walk, doubt: Doubting) => Result;

export const NEXT: Result = { kind: "next" };
export const BREAK: Result = { kind: "break" };
const ACCEPT: Result = { kind: "verdict", verdict: { kind: "accept" } };

/** Makes a statement ready. @param text of it, for what cannot be told. */
export function prepareStatement(statement: Statement, sets: TableSets, text: () => string): PreparedStatement {
  switch (statement.kind) {
    case "accept":
    case "drop":
    case "continue":
    case "return":
    case "jump":
    case "goto": {
      const result: Result = { kind: "verdict", verdict: statement };
      return () => result;
    }
    case "match": {
      const holds = prepareMatch(statement, sets);
      return (walk, doubt) => {
        const answer = holds(walk);
        return (answer ?? doubt(walk, `whether ${text()} holds`)) ? NEXT : BREAK;
      };
    }
    case "vmap":
      return verdictMap(statement, sets, text);
    case "mangle":
      return mangle(statement, sets, text);
    case "nat":
      return nat(statement, sets, text);
    case "masquerade":
      return masquerade(statement, sets, text);
    case "redirect":
      return redirect(statement, sets, text);
    case "reject":
      return () => ({ kind: "reject" });
    case "limit":
      return ({ assumptions }) => {
        assumptions.add("limits of packets a second are not used up");
        return statement.over === true ? BREAK : NEXT;
      };
    case "set-update":
      return setUpdate(statement, sets, text);
    case "counter":
    case "counter-reference":
    case "log":
      return () => NEXT;
    case "notrack":
      return ({ packet }) => {
        if (packet.connection === undefined) packet.state = "UNTRACKED";
        return NEXT;
      };
    case "unknown":
      return prepareOther(statement.json, { sets, prepare: (inner) => prepareStatement(inner, sets, text) });
    default:
      return assertNever(statement);
  }
}

type Of<K extends Statement["kind"]> = Extract<Statement, { readonly kind: K }>;
type PortNat = Extract<Statement, { readonly kind: "masquerade" | "redirect" }>;

/** What comes with the element is asked: limits end the rule. The set has the element from then on, or no longer. */
function setUpdate(
  { operation, set, element }: Of<"set-update">,
  sets: TableSets,
  text: () => string,
): PreparedStatement {
  const known = sets.named(set)?.prepared;
  const { read } = prepareExpression(element.key, sets);
  const inner = (element.statements ?? []).map((one) => prepareStatement(one, sets, text));
  return (walk, doubt) => {
    const value = read(walk);
    if (value === MISSING) return BREAK;
    if (known !== undefined) walk.setUpdates.set(known, { value, isIn: operation !== "delete" });
    for (const one of inner) {
      const result = one(walk, doubt);
      if (result.kind !== "next") return result;
    }
    return NEXT;
  };
}

function verdictMap({ key, data }: Of<"vmap">, sets: TableSets, text: () => string): PreparedStatement {
  const of = prepareExpression(key, sets);
  const set = preparedSetOf(data, sets, of.sorts);
  const results = new Map<Expression, Result>();
  return (walk, doubt) => {
    const value = of.read(walk);
    if (value === MISSING) return BREAK;
    const found = isAbsent(value) ? undefined : set?.find(value)?.data;
    if (found === undefined) {
      const isKnown = set !== undefined && !set.isPartial && !isAbsent(value);
      if (isKnown || !doubt(walk, `what ${text()} has for the packet`)) return BREAK;
      return { kind: "undecided", why: `what ${text()} has for the packet` };
    }
    let result = results.get(found);
    if (result === undefined) {
      result = isVerdict(found) ? { kind: "verdict", verdict: found } : BREAK;
      results.set(found, result);
    }
    return result;
  };
}

function isVerdict(expression: Expression): expression is Verdict {
  return ["accept", "drop", "continue", "return", "jump", "goto"].includes(expression.kind);
}

/** Statements that set something: the marks are followed; what else decides where a packet goes is in doubt. */
function mangle(statement: Of<"mangle">, sets: TableSets, text: () => string): PreparedStatement {
  const { target, value } = statement;
  const isMark = (target.kind === "meta" || target.kind === "ct") && target.key === "mark";
  if (!isMark) {
    const isPayload = target.kind === "payload" || target.kind === "payload-raw";
    const why = isPayload ? `${text()} rewrites the packet without NAT` : `what ${text()} changes is not followed`;
    return (walk, doubt) =>
      !isIdle(statement, walk.packet.family) && doubt(walk, why) ? { kind: "undecided", why } : NEXT;
  }
  const { read } = prepareExpression(value, sets, "mark");
  const isConnection = target.kind === "ct";
  return (walk, doubt) => {
    const mark = read(walk);
    if (mark === MISSING) return BREAK;
    if (typeof mark !== "number")
      return doubt(walk, `what mark ${text()} sets`) ? { kind: "undecided", why: text() } : NEXT;
    if (!isConnection) walk.packet.mark = mark;
    else if (walk.packet.connection === undefined) return BREAK;
    else walk.packet.connection.mark = mark;
    return NEXT;
  };
}

function flagsOf(flags: readonly string[]): Pick<NatTo, "random" | "persistent"> {
  return {
    random: flags.includes("random") || flags.includes("fully-random"),
    persistent: flags.includes("persistent"),
  };
}

function netmap(network: NetworkRead, what: Manipulation, text: () => string): PreparedStatement {
  return (walk, doubt) => {
    const to = network(walk);
    if (to === MISSING) return BREAK;
    if (to === undefined) return undecided(walk, doubt, text());
    const { src, dst } = walk.packet;
    bind(walk, what, { first: inNetwork(what === "destination" ? dst : src, to) });
    return ACCEPT;
  };
}

function nat({ type, address, port, flags }: Of<"nat">, sets: TableSets, text: () => string): PreparedStatement {
  const what = type === "dnat" ? "destination" : "source";
  if (flags.includes(NETMAP) && address !== undefined) return netmap(prepareNetwork(address, sets), what, text);
  const ip = address && prepareTarget(address, sets);
  const number = port && prepareTarget(port, sets);
  return (walk, doubt) => {
    const [first, last, mappedPort] = ip?.(walk) ?? [];
    const [low, high] = number?.(walk) ?? [];
    if (first === MISSING || low === MISSING) return BREAK;
    if (first !== undefined && !isAddress(first)) return undecided(walk, doubt, text());
    if (low !== undefined && typeof low !== "number") return undecided(walk, doubt, text());
    const from = low ?? (typeof mappedPort === "number" ? mappedPort : undefined);
    bind(walk, what, {
      ...flagsOf(flags),
      ...(first === undefined ? {} : { first }),
      ...(isAddress(last) && last !== first ? { last } : {}),
      ...(from === undefined ? {} : { ports: { first: from, last: typeof high === "number" ? high : from } }),
    });
    return ACCEPT;
  };
}

function undecided(walk: Walk, doubt: Doubting, text: string): Result {
  const why = `where ${text} leads`;
  return doubt(walk, why) ? { kind: "undecided", why } : NEXT;
}

type TargetPart = Atom | typeof MISSING | undefined;
/** First and last of a range of addresses or ports; of a map to address and port, the port comes third. */
type TargetRead = (walk: Walk) => readonly [TargetPart, TargetPart?, TargetPart?];

function prepareTarget(expression: Expression, sets: TableSets): TargetRead {
  const interval = intervalOf(expression, "port");
  if (interval !== undefined) {
    const same = interval.from === interval.to;
    return () => [interval.from, same ? undefined : interval.to];
  }
  const { read }: PreparedRead = prepareExpression(expression, sets, "port");
  return (walk) => {
    const value = read(walk);
    if (value === MISSING) return [MISSING];
    if (isAbsent(value)) return ["unknown"];
    return isConcatenation(value) ? [value[0], undefined, value[1]] : [value];
  };
}

function isAddress(part: TargetPart): part is Ip {
  return typeof part === "number" || (typeof part === "object" && part !== null);
}

function masquerade({ port, flags }: PortNat, sets: TableSets, text: () => string): PreparedStatement {
  const number = port && prepareTarget(port, sets);
  return (walk, doubt) => {
    const { packet, routing } = walk;
    const route = chosenRoute(walk, packet.dst);
    const ip = route && routing.masqueradeSource(route, packet.dst);
    if (ip === undefined) return { kind: "verdict", verdict: { kind: "drop" } };
    const ports = portsOf(number?.(walk));
    if (ports === undefined) return undecided(walk, doubt, text());
    bind(walk, "source", { first: ip, ...flagsOf(flags), ...ports });
    return ACCEPT;
  };
}

function redirect({ port, flags }: PortNat, sets: TableSets, text: () => string): PreparedStatement {
  const number = port && prepareTarget(port, sets);
  return (walk, doubt) => {
    const { packet, routing, hook } = walk;
    const loops = hook === "OUTPUT" || packet.inInterface === "lo";
    const ip = loops ? loopbackOf(packet.family) : routing.firstAddress(packet.inInterface, packet.family);
    if (ip === undefined) return { kind: "verdict", verdict: { kind: "drop" } };
    const read = number?.(walk);
    if (read?.[0] === MISSING) return BREAK;
    const ports = portsOf(read);
    if (ports === undefined) return undecided(walk, doubt, text());
    bind(walk, "destination", { first: ip, ...flagsOf(flags), ...ports });
    return ACCEPT;
  };
}

function portsOf(read: readonly [TargetPart, TargetPart?, TargetPart?] | undefined): Pick<NatTo, "ports"> | undefined {
  if (read === undefined) return {};
  const [first, last] = read;
  if (typeof first !== "number") return undefined;
  return { ports: { first, last: typeof last === "number" ? last : first } };
}

function loopbackOf(family: 4 | 6): Ip {
  return family === 4 ? (0x7f00_0001 as Ip4) : { w0: 0, w1: 0, w2: 0, w3: 1 };
}

/** What a rule did, in words, from what it changed. */
export function natText(walk: Walk): string {
  const { connection } = walk.packet;
  if (connection === undefined) return "";
  const { reply, original } = connection;
  const to = connection.dnat ? `destination ${formatIp(reply.src)}:${reply.srcPort}` : "";
  const from = connection.snat ? `source ${formatIp(reply.dst)}` : "";
  return [to, from].filter((one) => one !== "").join(", ") || `stays ${formatIp(original.dst)}`;
}
