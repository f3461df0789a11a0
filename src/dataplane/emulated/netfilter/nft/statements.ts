import { assertNever } from "../../../../core/errors.ts";
import type { Expression, Statement, Verdict } from "../../../../modes/nftables/ruleset.ts";
import { formatIp, type Ip, type Ip4 } from "../../../../net/ip.ts";
import { bind, type NatTo } from "../nat.ts";
import type { Walk } from "../walk.ts";
import { prepareExpression, preparedSetOf, type TableSets } from "./expressions.ts";
import { prepareMatch } from "./matches.ts";
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

/** @param doubt takes what nobody can tell to hold or not. */
export type PreparedStatement = (walk: Walk, doubt: (why: string) => boolean) => Result;

const NEXT: Result = { kind: "next" };
const BREAK: Result = { kind: "break" };
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
        return (answer ?? doubt(`whether ${text()} holds`)) ? NEXT : BREAK;
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
      return unknownStatement(statement.json);
    default:
      return assertNever(statement);
  }
}

/** Statements that change nothing about where a packet goes, by the name that JSON has for them. */
const harmless: ReadonlySet<string> = new Set([
  "flow",
  "ct helper",
  "ct timeout",
  "ct expectation",
  "meter",
  "quota",
  "secmark",
  "last",
]);
/** Of iptables' extensions in rules of iptables-nft. */
const harmlessExtensions: ReadonlySet<string> = new Set([
  "comment",
  "LOG",
  "NFLOG",
  "TRACE",
  "CHECKSUM",
  "TCPMSS",
  "CLASSIFY",
  "DSCP",
  "TOS",
  "TTL",
]);

function unknownStatement(json: unknown): PreparedStatement {
  const [name = "", body] = typeof json === "object" && json !== null ? (Object.entries(json)[0] ?? []) : [];
  if (harmless.has(name)) return () => NEXT;
  const extension = (body as { readonly name?: unknown; readonly type?: unknown } | null) ?? {};
  if (name === "xt" && typeof extension.name === "string" && harmlessExtensions.has(extension.name)) return () => NEXT;
  const why = `what ${JSON.stringify(json)} does is not understood`;
  const decides =
    name === "queue" || name === "synproxy" || name === "tproxy" || (name === "xt" && extension.type === "target");
  return (_, doubt) => {
    if (!decides) return doubt(why) ? NEXT : BREAK;
    return doubt(why) ? { kind: "undecided", why } : NEXT;
  };
}

type Of<K extends Statement["kind"]> = Extract<Statement, { readonly kind: K }>;
type PortNat = Extract<Statement, { readonly kind: "masquerade" | "redirect" }>;

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
      if (isKnown || !doubt(`what ${text()} has for the packet`)) return BREAK;
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

/** Statements that set something: the marks are followed, other values change nothing that is looked at here. */
function mangle({ target, value }: Of<"mangle">, sets: TableSets, text: () => string): PreparedStatement {
  const isMark = (target.kind === "meta" || target.kind === "ct") && target.key === "mark";
  if (!isMark) {
    const rewrites = target.kind === "payload" && ["saddr", "daddr", "sport", "dport"].includes(target.field);
    if (!rewrites) return () => NEXT;
    const why = `${text()} rewrites the packet without NAT`;
    return (_, doubt) => (doubt(why) ? { kind: "undecided", why } : NEXT);
  }
  const { read } = prepareExpression(value, sets, "mark");
  const isConnection = target.kind === "ct";
  return (walk, doubt) => {
    const mark = read(walk);
    if (mark === MISSING) return BREAK;
    if (typeof mark !== "number") return doubt(`what mark ${text()} sets`) ? { kind: "undecided", why: text() } : NEXT;
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

function nat({ type, address, port, flags }: Of<"nat">, sets: TableSets, text: () => string): PreparedStatement {
  const what = type === "dnat" ? "destination" : "source";
  const ip = address && prepareTarget(address, sets);
  const number = port && prepareTarget(port, sets);
  return (walk, doubt) => {
    const [first, last, mappedPort] = ip?.(walk) ?? [];
    const [low, high] = number?.(walk) ?? [];
    if (first === MISSING || low === MISSING) return BREAK;
    if (first !== undefined && !isAddress(first)) return undecided(doubt, text());
    if (low !== undefined && typeof low !== "number") return undecided(doubt, text());
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

function undecided(doubt: (why: string) => boolean, text: string): Result {
  const why = `where ${text} leads`;
  return doubt(why) ? { kind: "undecided", why } : NEXT;
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
    const route = routing.route(packet.dst);
    const ip = route && routing.masqueradeSource(route, packet.dst);
    if (ip === undefined) return { kind: "verdict", verdict: { kind: "drop" } };
    const ports = portsOf(number?.(walk));
    if (ports === undefined) return undecided(doubt, text());
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
    if (ports === undefined) return undecided(doubt, text());
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
