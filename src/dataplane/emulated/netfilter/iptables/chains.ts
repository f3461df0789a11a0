import { SluiceError } from "../../../../core/errors.ts";
import { renderRule } from "../../../../modes/iptables/render.ts";
import type { Chain, Rule, Table } from "../../../../modes/iptables/ruleset.ts";
import type { Family } from "../../../../net/ip.ts";
import { type HookVerdict, type Walk } from "../walk.ts";
import type { ConditionContext } from "./condition.ts";
import { act, type PlainTarget } from "./effect.ts";
import { prepareRule, type PreparedRule, ruleApplies } from "./rules.ts";
import { buildSections, candidates, type Section } from "./sections.ts";

/** How a chain ended for the packet. */
type Ending = "through" | HookVerdict;

interface PreparedChain {
  readonly name: string;
  /** `nat/KUBE-SERVICES`. */
  readonly where: string;
  readonly policy: "ACCEPT" | "DROP";
  /** Each is made ready when a packet comes to it. */
  readonly rules: (PreparedRule | undefined)[];
  readonly given: readonly Rule[];
  readonly sections: readonly Section[];
}

/** As the kernel, which refuses what is deeper or runs in a circle. */
const DEEPEST = 512;

/** The chains of one table. Each is made ready when the first packet comes to it. */
export class TableWalker {
  readonly #table: Table;
  readonly #family: Family;
  readonly #context: ConditionContext;
  readonly #given = new Map<string, Chain>();
  readonly #prepared = new Map<string, PreparedChain>();

  constructor(table: Table, family: Family, context: ConditionContext) {
    this.#table = table;
    this.#family = family;
    this.#context = context;
    for (const chain of table.chains) this.#given.set(chain.name, chain);
  }

  /**
   * Takes a packet through one of the kernel's own chains.
   *
   * @throws {SluiceError} RULESET_LOOP when the packet comes to such a jump.
   */
  run(name: string, walk: Walk): HookVerdict {
    const chain = this.#chain(name, "");
    const ending = this.#walk(chain, walk, 0);
    if (ending !== "through") return ending;
    if (chain.policy === "ACCEPT") return "accept";
    const rule = `-P ${name} DROP`;
    walk.endedBy = `${chain.where}: ${rule}`;
    walk.steps.push({ hook: walk.hook, where: chain.where, matched: true, rule: () => rule, effect: "drop" });
    return "drop";
  }

  #chain(name: string, from: string): PreparedChain {
    const known = this.#prepared.get(name);
    if (known !== undefined) return known;
    const given = this.#given.get(name);
    const table = this.#table.name;
    if (given === undefined) {
      const details = { chain: name, from };
      throw new SluiceError("RULESET_UNKNOWN_CHAIN", `${table}/${from} jumps to ${name}, which is not there`, details);
    }
    const { policy = "ACCEPT", rules } = given;
    const chain: PreparedChain = {
      name,
      where: `${table}/${name}`,
      policy,
      rules: Array.from({ length: rules.length }, () => undefined),
      given: rules,
      sections: buildSections(rules),
    };
    this.#prepared.set(name, chain);
    return chain;
  }

  #walk(chain: PreparedChain, walk: Walk, depth: number): Ending {
    if (depth > DEEPEST) {
      const details = { chains: [chain.where] };
      throw new SluiceError("RULESET_LOOP", `chains jump in a circle, or too deep, at ${chain.where}`, details);
    }
    for (const section of chain.sections) {
      // A trace of everything looks at each rule; otherwise those are left out that cannot apply, and counted.
      const some = walk.showsAll ? undefined : candidates(section, walk.packet);
      const ending =
        some === undefined ? this.#all(chain, section, walk, depth) : this.#some(chain, section, some, walk, depth);
      if (ending === "return") return "through";
      if (ending !== "next") return ending;
    }
    return "through";
  }

  #all(chain: PreparedChain, { start, end }: Section, walk: Walk, depth: number): Ending | "next" | "return" {
    for (let at = start; at < end; at += 1) {
      walk.passed += 1;
      const ending = this.#rule(chain, this.#ready(chain, at), walk, depth);
      if (ending !== "next") return ending;
    }
    return "next";
  }

  #some(
    chain: PreparedChain,
    { start, end }: Section,
    places: readonly number[],
    walk: Walk,
    depth: number,
  ): Ending | "next" | "return" {
    let passed = start;
    for (const at of places) {
      walk.passed += at + 1 - passed;
      passed = at + 1;
      const ending = this.#rule(chain, this.#ready(chain, at), walk, depth);
      if (ending !== "next") return ending;
    }
    walk.passed += end - passed;
    return "next";
  }

  #ready({ rules, given }: PreparedChain, at: number): PreparedRule {
    return (rules[at] ??= prepareRule(given[at]!, this.#context));
  }

  #rule(chain: PreparedChain, rule: PreparedRule, walk: Walk, depth: number): Ending | "next" | "return" {
    const doubt = (why: string): boolean => walk.doubt(chain.where, () => this.#text(chain, rule.source), why);
    if (!ruleApplies(rule, walk, doubt)) {
      if (walk.showsAll) this.#note(chain, rule, walk, false, "");
      return "next";
    }
    const { target } = rule;
    if (target?.kind === "jump" || target?.kind === "goto") {
      if (!this.#given.has(target.chain)) return this.#unknown(chain, rule, target.chain, walk);
      this.#note(chain, rule, walk, true, `${target.kind} ${target.chain}`);
      const ending = this.#walk(this.#chain(target.chain, chain.name), walk, depth + 1);
      if (ending !== "through") return ending;
      return target.kind === "goto" ? "through" : "next";
    }
    walk.endedBy = "";
    const { next, text } = act(walk, target as PlainTarget | undefined, doubt);
    this.#note(chain, rule, walk, true, text);
    if (next !== "next" && walk.endedBy === "") walk.endedBy = `${chain.where}: ${this.#text(chain, rule.source)}`;
    return next;
  }

  /** A chain that was cut off the dump, or a target that a module of the kernel's brings. */
  #unknown(chain: PreparedChain, rule: PreparedRule, name: string, walk: Walk): Ending | "next" {
    const why = `what ${name} does is not known: table ${this.#table.name} has no such chain`;
    const isLost = walk.doubt(chain.where, () => this.#text(chain, rule.source), why);
    this.#note(chain, rule, walk, true, isLost ? name : `${name}, as if it did nothing`);
    if (!isLost) return "next";
    walk.endedBy = `${chain.where}: ${why}`;
    return "undecided";
  }

  #note({ where, name }: PreparedChain, rule: PreparedRule, walk: Walk, matched: boolean, effect: string): void {
    const { source, sticksSeconds } = rule;
    walk.steps.push({
      hook: walk.hook,
      where,
      matched,
      rule: () => this.#text({ name }, source),
      effect,
      ...(matched && sticksSeconds !== undefined ? { sticksSeconds } : {}),
    });
  }

  #text({ name }: Pick<PreparedChain, "name">, rule: Rule): string {
    return `-A ${name} ${renderRule(rule, this.#family, "save")}`.trimEnd();
  }
}
