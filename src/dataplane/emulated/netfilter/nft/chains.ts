import { SluiceError } from "../../../../core/errors.ts";
import { ruleText, statementText } from "../../../../modes/nftables/render-statement.ts";
import type { Chain, Rule, Table, Verdict } from "../../../../modes/nftables/ruleset.ts";
import { type Syntax, syntaxOf } from "../../../../modes/nftables/syntax.ts";
import type { HookVerdict, Walk } from "../walk.ts";
import type { TableSets } from "./expressions.ts";
import { sortOfDatatype } from "./names.ts";
import { prepareSet } from "./sets.ts";
import { type Doubting, natText, NEXT, type PreparedStatement, prepareStatement, type Result } from "./statements.ts";

type Ending = "through" | HookVerdict;

interface PreparedRule {
  readonly statements: readonly PreparedStatement[];
  /** For how long it has a client remembered, in a set that says where it is sent again; undefined: it has not. */
  readonly sticksSeconds: number | undefined;
  /** Which statement counts first; behind the last: none does. */
  readonly counter: number;
  readonly doubt: Doubting;
  readonly source: Rule;
}

interface PreparedChain {
  readonly name: string;
  /** `ip kube-proxy/services`. */
  readonly where: string;
  readonly rules: readonly PreparedRule[];
}

/** How kube-proxy's names of sets of clients begin. */
const AFFINITY_SETS = "affinity-";
/** As the kernel: chains jump at most 16 deep. */
const DEEPEST = 16;

/** The chains of one table. Each, and each set, is made ready when the first packet comes to it. */
export class NftTableWalker {
  readonly #table: Table;
  readonly #syntax: Syntax;
  readonly #given: ReadonlyMap<string, Chain>;
  readonly #prepared = new Map<string, PreparedChain>();
  readonly #sets: TableSets;

  /** @param laterSeconds how long ago the table was listed. */
  constructor(table: Table, laterSeconds: number) {
    this.#table = table;
    this.#syntax = syntaxOf("listed", table.family);
    this.#given = new Map(table.chains.map((chain) => [chain.name, chain]));
    this.#sets = setsOf(table, laterSeconds);
  }

  /**
   * Takes a packet through a base chain.
   *
   * @throws {SluiceError} RULESET_UNKNOWN_CHAIN, RULESET_LOOP when the packet comes to such a jump.
   */
  run({ name, base }: Chain, walk: Walk): HookVerdict {
    const chain = this.#chain(name, "");
    const ending = this.#walk(chain, walk, 0);
    if (ending !== "through") return ending;
    if (base?.policy !== "drop") return "accept";
    walk.endedBy = `${chain.where}: policy drop`;
    walk.steps.push({ hook: walk.hook, where: chain.where, matched: true, rule: () => "policy drop", effect: "drop" });
    return "drop";
  }

  #chain(name: string, from: string): PreparedChain {
    const known = this.#prepared.get(name);
    if (known !== undefined) return known;
    const given = this.#given.get(name);
    const table = `${this.#table.family} ${this.#table.name}`;
    if (given === undefined) {
      const details = { chain: name, from };
      throw new SluiceError("RULESET_UNKNOWN_CHAIN", `${table}/${from} jumps to ${name}, which is not there`, details);
    }
    const where = `${table}/${name}`;
    const chain = { name, where, rules: given.rules.map((rule) => this.#rule(rule, where)) };
    this.#prepared.set(name, chain);
    return chain;
  }

  #rule(rule: Rule, where: string): PreparedRule {
    const counter = rule.others === undefined ? rule.statements.findIndex(({ kind }) => kind === "counter") : -1;
    const statements = rule.statements.map((statement) =>
      prepareStatement(statement, this.#sets, () => statementText(statement, this.#syntax)),
    );
    return {
      statements: rule.others === undefined ? statements : [notUnderstood(rule.others), ...statements],
      sticksSeconds: this.#sticksSeconds(rule),
      counter: counter < 0 ? rule.statements.length : counter,
      doubt: (walk, why) => walk.doubt(where, () => ruleText(rule, this.#syntax), why),
      source: rule,
    };
  }

  /** Session affinity as kube-proxy has it: each endpoint has a set of its clients. */
  #sticksSeconds({ statements }: Rule): number | undefined {
    const update = statements.find((one) => one.kind === "set-update" && one.set.startsWith(AFFINITY_SETS));
    if (update?.kind !== "set-update") return undefined;
    return update.element.timeoutSeconds ?? this.#sets.named(update.set)?.set.timeoutSeconds;
  }

  #walk(chain: PreparedChain, walk: Walk, depth: number): Ending {
    if (depth > DEEPEST) {
      const details = { chains: [chain.where] };
      throw new SluiceError("RULESET_LOOP", `chains jump in a circle, or too deep, at ${chain.where}`, details);
    }
    for (const rule of chain.rules) {
      walk.passed += 1;
      const ending = this.#follow(chain, rule, walk, depth);
      if (ending === "return") return "through";
      if (ending !== "next") return ending;
    }
    return "through";
  }

  #follow(chain: PreparedChain, rule: PreparedRule, walk: Walk, depth: number): Ending | "next" | "return" {
    const result = this.#evaluate(chain, rule, walk);
    switch (result.kind) {
      case "break":
        if (walk.showsAll) this.#note(chain, rule, walk, false, "");
        return "next";
      case "next":
        this.#note(chain, rule, walk, true, "");
        return "next";
      case "reject":
        return this.#end(chain, rule, walk, "reject", "reject");
      case "undecided":
        return this.#end(chain, rule, walk, "undecided", result.why);
      case "verdict":
        return this.#decide(chain, rule, walk, depth, result.verdict);
    }
  }

  #evaluate(chain: PreparedChain, rule: PreparedRule, walk: Walk): Result {
    const { statements, counter, doubt } = rule;
    for (let at = 0; at < statements.length; at += 1) {
      const result = statements[at]!(walk, doubt);
      if (result.kind === "next") continue;
      // What was counted is a step, though a map behind the counter had nothing for the packet.
      if (result.kind === "break" && at > counter) {
        this.#note(chain, rule, walk, true, "counted; the rest does not apply");
      }
      return result;
    }
    return NEXT;
  }

  #decide(
    chain: PreparedChain,
    rule: PreparedRule,
    walk: Walk,
    depth: number,
    verdict: Verdict,
  ): Ending | "next" | "return" {
    switch (verdict.kind) {
      case "accept": {
        const isNat = rule.source.statements.some(
          ({ kind }) => kind === "nat" || kind === "masquerade" || kind === "redirect",
        );
        return this.#end(chain, rule, walk, "accept", isNat ? natText(walk) : "accept");
      }
      case "drop":
        return this.#end(chain, rule, walk, "drop", "drop");
      case "continue":
      case "return":
        this.#note(chain, rule, walk, true, verdict.kind);
        return verdict.kind === "return" ? "return" : "next";
      case "jump":
      case "goto": {
        this.#note(chain, rule, walk, true, `${verdict.kind} ${verdict.chain}`);
        const ending = this.#walk(this.#chain(verdict.chain, chain.name), walk, depth + 1);
        if (ending !== "through") return ending;
        return verdict.kind === "goto" ? "through" : "next";
      }
    }
  }

  #end(chain: PreparedChain, rule: PreparedRule, walk: Walk, verdict: HookVerdict, effect: string): HookVerdict {
    this.#note(chain, rule, walk, true, effect);
    walk.endedBy = `${chain.where}: ${ruleText(rule.source, this.#syntax)}`;
    return verdict;
  }

  #note({ where }: PreparedChain, rule: PreparedRule, walk: Walk, matched: boolean, effect: string): void {
    const { source, sticksSeconds } = rule;
    walk.steps.push({
      hook: walk.hook,
      where,
      matched,
      rule: () => ruleText(source, this.#syntax),
      effect,
      ...(matched && sticksSeconds !== undefined ? { sticksSeconds } : {}),
    });
  }
}

/** A rule that has more to it than is known. */
function notUnderstood(others: NonNullable<Rule["others"]>): PreparedStatement {
  const why = `what ${Object.keys(others).join(", ")} of the rule means is not understood`;
  return (walk, doubt) => (doubt(walk, why) ? { kind: "undecided", why } : NEXT);
}

function setsOf(table: Table, laterSeconds: number): TableSets {
  const given = new Map(table.sets.map((set) => [set.name, set]));
  const prepared = new Map<string, ReturnType<TableSets["named"]>>();
  return {
    object: (type, name) => table.objects.find((one) => one.type === type && one.name === name),
    named(name) {
      const set = given.get(name);
      if (set === undefined) return undefined;
      let known = prepared.get(name);
      if (known === undefined) {
        known = { set, prepared: prepareSet(set.elements, set.key.map(sortOfDatatype), laterSeconds) };
        prepared.set(name, known);
      }
      return known;
    },
  };
}
