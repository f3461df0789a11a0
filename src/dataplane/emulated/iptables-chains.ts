import { SluiceError } from "../../core/errors.ts";
import type { Match, OwnTarget, Rule, Table, TableName, Target } from "../../modes/iptables/ruleset.ts";
import { type MatchContext, prepareMatch, type Test } from "./iptables-matches.ts";
import { buildSections, type Section } from "./netfilter/iptables/sections.ts";
import { notEmulated } from "./not-emulated.ts";
import type { Packet } from "./packet.ts";

/** A rule made ready. The plain comparisons stand first and by themselves, as in the kernel: most rules end there. */
export interface PreparedRule {
  /** 0: any. */
  readonly proto: number;
  /** 0: any. */
  readonly dstPort: number;
  /** IPv4: bits of the destination that must be `dst`; mask 0: any. */
  readonly dst: number;
  readonly dstMask: number;
  /** What else must hold, in order; undefined: nothing. */
  readonly rest: Test | undefined;
  readonly target: OwnTarget | undefined;
  /** Where a jump or goto leads. */
  readonly to: PreparedChain | undefined;
  /** Of its random match, 0…1; undefined for a rule that does not draw. */
  readonly probability: number | undefined;
  /** As it was given, for a trace. */
  readonly source: Rule;
}

export interface PreparedChain {
  readonly name: string;
  /** `nat/KUBE-SERVICES`. */
  readonly where: string;
  readonly policy: "ACCEPT" | "DROP";
  readonly rules: readonly PreparedRule[];
  /** The same rules, found by what they ask for. */
  readonly sections: readonly Section[];
}

/** The chains of one table, by name. */
export type PreparedTable = ReadonlyMap<string, PreparedChain>;

/**
 * Makes a table ready to be walked: names of chains become references.
 *
 * @throws {SluiceError} RULESET_UNKNOWN_CHAIN, RULESET_LOOP; DATAPLANE_FAILED for what is not emulated.
 */
export function prepareTable(table: Table, context: MatchContext): PreparedTable {
  const chains = new Map(
    table.chains.map(({ name, policy = "ACCEPT" }) => [
      name,
      { name, where: `${table.name}/${name}`, policy, rules: [] as PreparedRule[], sections: [] as Section[] },
    ]),
  );
  for (const { name, rules } of table.chains) {
    const { rules: prepared, sections } = chains.get(name)!;
    for (const rule of rules)
      prepared.push(prepareRule(rule, destination(rule.target, chains, table.name, name), context));
    for (const section of buildSections(rules)) sections.push(section);
  }
  refuseLoops(chains);
  return chains;
}

function destination(
  target: Target | undefined,
  chains: ReadonlyMap<string, PreparedChain>,
  table: TableName,
  from: string,
): PreparedChain | undefined {
  if (target?.kind !== "jump" && target?.kind !== "goto") return undefined;
  const chain = chains.get(target.chain);
  if (chain !== undefined) return chain;
  throw new SluiceError("RULESET_UNKNOWN_CHAIN", `${table}/${from} jumps to ${target.chain}, which is not there`, {
    chain: target.chain,
    from,
  });
}

/** What stands in a rule's head in the kernel, and is looked at before any `-m`. */
const headKinds: ReadonlySet<Match["kind"]> = new Set([
  "source",
  "destination",
  "in-interface",
  "out-interface",
  "protocol",
]);

function prepareRule(rule: Rule, to: PreparedChain | undefined, context: MatchContext): PreparedRule {
  const head = { proto: 0, dstPort: 0, dst: 0, dstMask: 0 };
  const rest: Test[] = [];
  let probability: number | undefined;
  const take = (match: Match): void => {
    // Behind something that draws or remembers, the order of the matches tells.
    if (alwaysHolds(match) || (rest.length === 0 && takeIntoHead(head, match))) return;
    if (match.kind === "statistic-random") probability ??= chanceOf(match);
    rest.push(prepareMatch(match, context));
  };
  for (const match of rule.matches) if (headKinds.has(match.kind)) take(match);
  for (const match of rule.matches) if (!headKinds.has(match.kind)) take(match);
  const { proto, dstPort, dst, dstMask } = head;
  // Spread, each rule would have a hidden class of its own, and every look at one would be slow.
  return {
    proto,
    dstPort,
    dst,
    dstMask,
    rest: all(rest),
    target: emulated(rule.target),
    to,
    probability,
    source: rule,
  };
}

function chanceOf({ threshold, not }: Match & { readonly kind: "statistic-random" }): number {
  const chance = threshold / 2 ** 31;
  return not === true ? 1 - chance : chance;
}

/** @throws {SluiceError} DATAPLANE_FAILED for a target that kube-proxy's rules do not have. */
function emulated(target: Target | undefined): OwnTarget | undefined {
  if (target === undefined) return undefined;
  switch (target.kind) {
    case "jump":
    case "goto":
    case "accept":
    case "drop":
    case "return":
    case "reject":
    case "mark":
    case "masquerade":
    case "dnat":
    case "redirect":
      return target;
    case "unknown":
      throw notEmulated(target.text);
    default:
      throw notEmulated(target.kind);
  }
}

/** @returns whether the head now says what the match says. */
function takeIntoHead(head: { proto: number; dstPort: number; dst: number; dstMask: number }, match: Match): boolean {
  if ("not" in match && match.not === true) return false;
  if (match.kind === "protocol" && head.proto === 0) {
    head.proto = match.proto;
    return true;
  }
  // Port 0 stands for any here, and is none that a packet has.
  const isPort = match.kind === "destination-port" && match.port !== 0;
  if (isPort && head.proto === match.proto && head.dstPort === 0) {
    head.dstPort = match.port;
    return true;
  }
  if (match.kind === "destination" && typeof match.range.base === "number" && head.dstMask === 0) {
    const { base, bits } = match.range;
    if (bits === 0) return true;
    head.dst = base | 0;
    head.dstMask = -1 << (32 - bits);
    return true;
  }
  return false;
}

function alwaysHolds({ kind }: Match): boolean {
  return kind === "comment" || kind === "nfacct";
}

function all(tests: readonly Test[]): Test | undefined {
  const [first, second, third] = tests;
  if (first === undefined || second === undefined) return first;
  if (third === undefined) return (packet) => first(packet) && second(packet);
  return (packet) => tests.every((test) => test(packet));
}

/** Whether every condition of a rule holds. Allocates nothing. */
export function ruleHolds({ proto, dstPort, dst, dstMask, rest }: PreparedRule, packet: Packet): boolean {
  return (
    (proto === 0 || proto === packet.proto) &&
    (dstPort === 0 || dstPort === packet.dstPort) &&
    (dstMask === 0 || (typeof packet.dst === "number" && (packet.dst & dstMask) === dst)) &&
    (rest === undefined || rest(packet))
  );
}

function refuseLoops(chains: PreparedTable): void {
  const done = new Set<PreparedChain>();
  const path = new Set<PreparedChain>();
  const visit = (chain: PreparedChain): void => {
    if (done.has(chain)) return;
    if (path.has(chain)) throw loop([...path, chain]);
    path.add(chain);
    for (const { to } of chain.rules) if (to !== undefined) visit(to);
    path.delete(chain);
    done.add(chain);
  };
  for (const chain of chains.values()) visit(chain);
}

function loop(path: readonly PreparedChain[]): SluiceError<"RULESET_LOOP"> {
  const chains = path.slice(path.indexOf(path.at(-1)!)).map(({ where }) => where);
  return new SluiceError("RULESET_LOOP", `chains jump in a circle: ${chains.join(" → ")}`, { chains });
}
