import { assertNever } from "../../../core/errors.ts";
import type { Expression, Statement, Verdict } from "../../../modes/nftables/ruleset.ts";
import type { SocketAddr } from "../../../net/flow.ts";
import { notEmulated } from "../not-emulated.ts";
import type { Packet } from "../packet.ts";
import { always, prepareMap, prepareTest, requireSource, type SetContext } from "./conditions.ts";
import { prepareKey } from "./keys.ts";
import type { Lookup } from "./sets.ts";

/** What comes of a statement: on to the next one, on to the next rule, or an end. */
export type Outcome<C> = "next" | "break" | "accept" | "drop" | "reject" | "return" | Jump<C>;

/** To a chain that was made ready. */
export interface Jump<C> {
  readonly to: C;
  /** Does not come back to the rule behind it. */
  readonly isGoto: boolean;
}

export type PreparedStatement<C> = (packet: Packet) => Outcome<C>;

/** A statement that changes nothing and stops nobody. */
export const idle: PreparedStatement<never> = () => "next";

/** What statements are made ready with. @typeParam C a chain that was made ready. */
export interface StatementContext<C> extends SetContext {
  /** @throws {SluiceError} RULESET_UNKNOWN_CHAIN. */
  chain(name: string): C;
}

/**
 * Makes a statement ready for the first packet of a flow. Nothing is allocated when it runs.
 *
 * @throws {SluiceError} DATAPLANE_FAILED for what kube-proxy's rules do not have.
 */
export function prepareStatement<C>(statement: Statement, context: StatementContext<C>): PreparedStatement<C> {
  switch (statement.kind) {
    case "accept":
    case "drop":
    case "continue":
    case "return":
    case "jump":
    case "goto": {
      const outcome = outcomeOf(statement, context);
      return () => outcome;
    }
    case "match":
      return match(statement, context);
    case "vmap": {
      const find = prepareMap(statement.key, statement.data, context, ({ data }) => verdictOf(data, context));
      return (packet) => find(packet) ?? "break";
    }
    case "mangle":
      return mangle(statement);
    case "set-update":
      return remember(statement, context);
    case "nat":
      return dnat(statement, context);
    case "masquerade":
      return (packet) => {
        packet.snat = true;
        return "accept";
      };
    case "reject":
      return () => "reject";
    case "counter":
    case "counter-reference":
    case "log":
      return idle;
    case "redirect":
    case "limit":
    case "notrack":
    case "unknown":
      throw notEmulated(`nftables: ${statement.kind}`);
    default:
      return assertNever(statement);
  }
}

type Of<K extends Statement["kind"]> = Extract<Statement, { readonly kind: K }>;

function verdictOf<C>(data: Expression | undefined, context: StatementContext<C>): Outcome<C> {
  switch (data?.kind) {
    case "accept":
    case "drop":
    case "continue":
    case "return":
    case "jump":
    case "goto":
      return outcomeOf(data, context);
    default:
      throw notEmulated(`nftables: ${data?.kind ?? "nothing"} in a verdict map`);
  }
}

function outcomeOf<C>(verdict: Verdict, context: StatementContext<C>): Outcome<C> {
  if (verdict.kind === "continue") return "break";
  if (verdict.kind !== "jump" && verdict.kind !== "goto") return verdict.kind;
  return { to: context.chain(verdict.chain), isGoto: verdict.kind === "goto" };
}

function match<C>({ left, operator, right }: Of<"match">, context: StatementContext<C>): PreparedStatement<C> {
  const holds = prepareTest(left, right, context);
  if (holds === always && operator !== "!=") return idle;
  switch (operator) {
    case "==":
    case "in":
      return (packet) => (holds(packet) ? "next" : "break");
    case "!=":
      return (packet) => (holds(packet) ? "break" : "next");
    default:
      throw notEmulated(`nftables: ${operator}`);
  }
}

function remember<C>({ set: name, element }: Of<"set-update">, context: StatementContext<C>): PreparedStatement<C> {
  const seconds = element.timeoutSeconds ?? context.set(name).timeoutSeconds ?? 0;
  requireSource(element.key);
  return ({ src, nowMs }) => {
    context.state.recent.remember(name, src, nowMs, seconds);
    return "next";
  };
}

function mangle<C>({ target, value }: Of<"mangle">): PreparedStatement<C> {
  if (target.kind !== "meta" || target.key !== "mark") throw notEmulated(`nftables: ${target.kind} set`);
  const { read } = prepareKey(value);
  return (packet) => {
    packet.mark = read(packet) as number;
    return "next";
  };
}

function dnat<C>({ type, address, port, flags }: Of<"nat">, context: StatementContext<C>): PreparedStatement<C> {
  if (type !== "dnat" || address === undefined || flags.length > 0) throw notEmulated(`nftables: ${type}`);
  const find =
    address.kind === "map"
      ? prepareMap(address.key, address.data, context, ({ data }) => placeOf(data))
      : constantly(placeOf(port === undefined ? address : { kind: "concat", parts: [address, port] }));
  return (packet) => {
    const to = find(packet);
    if (to === undefined) return "break";
    packet.dst = to.ip;
    if (to.port !== 0) packet.dstPort = to.port;
    packet.dnat = true;
    return "accept";
  };
}

function constantly<T>(value: T): Lookup<T> {
  return () => value;
}

/** @returns port 0 where only the address is rewritten. */
function placeOf(expression: Expression | undefined): SocketAddr {
  const [address, port] = expression?.kind === "concat" ? expression.parts : [expression];
  if (address?.kind !== "ip") throw notEmulated(`nftables: dnat to ${address?.kind ?? "nothing"}`);
  if (port !== undefined && port.kind !== "number") throw notEmulated(`nftables: dnat to a ${port.kind} as port`);
  return { ip: address.ip, port: port?.value ?? 0 };
}
