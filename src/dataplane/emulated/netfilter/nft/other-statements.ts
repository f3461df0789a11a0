/** Statements that have no type of their own: what they do, where it is known, or that nobody can tell, by name. */
import { parseStatement } from "../../../../modes/nftables/parse-statement.ts";
import type { NamedObject, Statement } from "../../../../modes/nftables/ruleset.ts";
import type { Walk } from "../walk.ts";
import type { TableSets } from "./expressions.ts";
import { BREAK, type Doubting, NEXT, type PreparedStatement, type Result } from "./statements.ts";

/** What these need: the table's objects, and how a statement inside another is made ready. */
export interface OtherContext {
  readonly sets: TableSets;
  prepare(statement: Statement): PreparedStatement;
}

/** They change nothing about where a packet goes, by the name that JSON has for them. */
const harmless: ReadonlySet<string> = new Set([
  "ct helper",
  "ct timeout",
  "ct expectation",
  "secmark",
  "last",
  "map",
  // A copy goes elsewhere; the packet itself goes on.
  "dup",
  // Of an option of TCP.
  "reset",
]);
/** Of iptables' extensions in rules of iptables-nft. */
const harmlessExtensions: ReadonlySet<string> = new Set(
  "comment LOG NFLOG TRACE CHECKSUM TCPMSS CLASSIFY DSCP TOS TTL".split(" "),
);
/** They hold or end the rule; all others do something. */
const conditions: ReadonlySet<string> = new Set(["match", "ct count", "limit", "quota", "set"]);

export function prepareOther(json: unknown, context: OtherContext): PreparedStatement {
  const [name = "", body] = typeof json === "object" && json !== null ? (Object.entries(json)[0] ?? []) : [];
  const known = prepareKnown(name, body, context);
  if (known !== undefined) return known;
  const why = `what ${JSON.stringify(json)} does is not understood`;
  // One that a map names ends the rule where the map has nothing for the packet.
  const isCondition = conditions.has(name) || isObjectMap(body) || (name === "xt" && typeOf(body) === "match");
  if (isCondition) return (walk, doubt) => (doubt(walk, why) ? NEXT : BREAK);
  return (walk, doubt) => (doubt(walk, why) ? { kind: "undecided", why } : NEXT);
}

/** @returns undefined for what nobody can tell. */
function prepareKnown(name: string, body: unknown, { sets, prepare }: OtherContext): PreparedStatement | undefined {
  switch (name) {
    case "limit":
      return typeof body === "string" ? named(sets.object("limit", body), limitOf) : undefined;
    case "quota":
      return typeof body === "string" ? named(sets.object("quota", body), quotaOf) : quotaOf(membersOf(body));
    case "meter": {
      const inner = membersOf(body)?.["stmt"];
      if (inner === undefined) return undefined;
      return prepare(parseStatement(inner, { file: "nft", field: "meter" }));
    }
    case "flow":
      return ({ assumptions }) => {
        assumptions.add("no flowtable has taken the flow over: such packets pass no rules of FORWARD");
        return NEXT;
      };
    case "tproxy":
      return transparent;
    default: {
      const isIdle = harmless.has(name) && !isObjectMap(body);
      const isIdleExtension = name === "xt" && harmlessExtensions.has(String(membersOf(body)?.["name"]));
      return isIdle || isIdleExtension ? () => NEXT : undefined;
    }
  }
}

function membersOf(body: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>) : undefined;
}

function isObjectMap(body: unknown): boolean {
  return membersOf(body)?.["map"] !== undefined;
}

function typeOf(body: unknown): unknown {
  return membersOf(body)?.["type"];
}

type Members = Readonly<Record<string, unknown>> | undefined;

function named(
  object: NamedObject | undefined,
  of: (members: Members) => PreparedStatement | undefined,
): PreparedStatement | undefined {
  return object === undefined ? undefined : of(object.members);
}

function limitOf(members: Members): PreparedStatement {
  return within("limits of packets a second are not used up", members?.["inv"] === true);
}

/** It holds up to so many octets; `inv`, beyond them. What is used is listed with it. */
function quotaOf(members: Members): PreparedStatement | undefined {
  if (members === undefined) return undefined;
  const limit = octets(members["bytes"] ?? members["val"], members["val_unit"]);
  const used = octets(members["used"] ?? 0, members["used_unit"]);
  if (limit === undefined || used === undefined) return undefined;
  const over = members["inv"] === true;
  if (used >= limit) return () => (over ? NEXT : BREAK);
  return within("quotas that were not used up when they were listed still are not", over);
}

function within(assumption: string, over: boolean): PreparedStatement {
  return ({ assumptions }) => {
    assumptions.add(assumption);
    return over ? BREAK : NEXT;
  };
}

const units: Readonly<Record<string, number>> = { bytes: 1, kbytes: 2 ** 10, mbytes: 2 ** 20, gbytes: 2 ** 30 };

function octets(value: unknown, unit: unknown = "bytes"): number | undefined {
  const size = units[String(unit)];
  return typeof value === "number" && size !== undefined ? value * size : undefined;
}

/** Without a socket the rule ends; with one the packet is its own, whatever the rule does besides. */
function transparent(walk: Walk, doubt: Doubting): Result {
  if (!doubt(walk, "whether a transparent socket listens there")) return BREAK;
  walk.takenBySocket = true;
  return NEXT;
}
