import { SluiceError } from "../../core/errors.ts";
import type { Family } from "../../net/ip.ts";
import { builtInChains } from "./built-in-chains.ts";
import { type OpenTable, openTable } from "./open-table.ts";
import { readRule, type RuleContext } from "./read-rule.ts";
import type { Counters, IptablesRuleset, Rule, TableName } from "./ruleset.ts";
import { plainName } from "./syntax.ts";
import { type Line, spanOf, splitLine } from "./words.ts";

/**
 * Reads the text of `iptables-save` or `ip6tables-save`, with or without counters, or input of `iptables-restore`, of
 * whatever programs made the rules. Nothing is lost but comment lines: what has no type stays text, as `unknown`.
 *
 * Input may add rules (`-A`, `-I`) to chains that it declares and to the kernel's own, whose policy, where the text
 * leaves it alone, is read as ACCEPT. Tables come in the order of the text, chains in the order of declaration.
 *
 * Time and memory O(text): some 200,000 rules a second.
 *
 * @param family which of the two commands the text is of; it does not say so itself.
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID with line, column and what was expected there.
 */
export function parseIptables(text: string, family: Family, file = "iptables-save"): IptablesRuleset {
  return new Parser(family, file).parse(text);
}

/** A line of a text, and its number there, from 1. */
export interface NumberedLine {
  readonly number: number;
  readonly text: string;
}

/**
 * Reads lines as `parseIptables` does, wherever they stood.
 *
 * @throws {SluiceError} INPUT_INVALID with the numbers of the lines.
 */
export function parseIptablesLines(lines: Iterable<NumberedLine>, family: Family, file: string): IptablesRuleset {
  return new Parser(family, file).parseLines(lines);
}

/**
 * Reads one rule as `iptables-save` prints it: `-A CHAIN …`.
 *
 * A target without options that is no verdict is read as a jump to a chain.
 *
 * @throws {SluiceError} INPUT_INVALID.
 */
export function parseRule(text: string, family: Family): Rule {
  const line = splitLine(text);
  const fail = (word: number, expected: string): never => {
    throw invalid({ file: "rule", line: 1, text, column: line === undefined ? 0 : spanOf(line, word)[0] }, expected);
  };
  if (line === undefined) return fail(0, "a closing quote");
  if (line.words[0] !== "-A") fail(0, "-A");
  return readRule(line, 2, { family, jumpTo: () => undefined, fail });
}

class Parser {
  readonly #family: Family;
  readonly #file: string;
  readonly #tables = new Map<TableName, OpenTable>();
  #table: OpenTable | undefined;
  #number = 0;
  /** Whether any line may hold a control character: one look at the whole text is quicker than one at each line. */
  #hasControls = true;
  #line: Line = { text: "", words: [], quoted: new Set() };
  readonly #context: RuleContext;

  constructor(family: Family, file: string) {
    this.#family = family;
    this.#file = file;
    this.#context = {
      family,
      jumpTo: (name) => this.#table!.jumpTo(name),
      fail: (word, expected) => this.#fail(word, expected),
    };
  }

  parse(text: string): IptablesRuleset {
    this.#hasControls = CONTROL_IN_LINES.test(text);
    for (let start = 0; start < text.length;) {
      const newline = text.indexOf("\n", start);
      const end = newline < 0 ? text.length : newline;
      this.#number += 1;
      // As iptables-restore has it, a comment starts in the first column.
      if (end > start && text[start] !== "#") this.#takeLine(text.slice(start, text[end - 1] === "\r" ? end - 1 : end));
      start = end + 1;
    }
    return this.#finish();
  }

  parseLines(lines: Iterable<NumberedLine>): IptablesRuleset {
    for (const { number, text } of lines) {
      this.#number = number;
      this.#takeLine(text);
    }
    return this.#finish();
  }

  #finish(): IptablesRuleset {
    this.#line = { text: "", words: [], quoted: new Set() };
    this.#number += 1;
    if (this.#table !== undefined) this.#fail(0, `COMMIT at the end of table ${this.#table.name}`);
    return { family: this.#family, tables: Array.from(this.#tables.values(), (table) => table.close()) };
  }

  #takeLine(text: string): void {
    const control = this.#hasControls ? text.search(CONTROL) : -1;
    if (control >= 0) {
      throw invalid({ file: this.#file, line: this.#number, text, column: control }, "no control character");
    }
    const line = splitLine(text);
    this.#line = line ?? { text, words: [text], quoted: new Set() };
    if (line === undefined) this.#fail(0, "a closing quote");
    const [first = ""] = line.words;
    if (first === "") return;
    if (first.startsWith("*")) this.#openTable(first.slice(1));
    else if (this.#table === undefined) this.#fail(0, "a table, such as *nat");
    else if (first === "COMMIT") this.#table = undefined;
    else if (first.startsWith(":")) this.#declare(this.#table, first.slice(1));
    else this.#command(this.#table);
  }

  #openTable(name: string): void {
    if (this.#table !== undefined) this.#fail(0, `COMMIT at the end of table ${this.#table.name}`);
    if (!Object.hasOwn(builtInChains, name)) this.#fail(0, `a table: ${Object.keys(builtInChains).join(", ")}`);
    const known = name as TableName;
    const table = this.#tables.get(known) ?? openTable(known);
    this.#tables.set(known, table);
    this.#table = table;
  }

  /** `:CHAIN POLICY [packets:bytes]` */
  #declare(table: OpenTable, name: string): void {
    const { words } = this.#line;
    if (!plainName.test(name)) this.#fail(0, "the name of a chain");
    const policy = words[1];
    const given = words[2] === undefined ? undefined : this.#counters(2, words[2]);
    const counters = given?.packets === 0n && given.bytes === 0n ? undefined : given;
    if (policy === "-") table.declare(name, undefined, counters);
    else if (policy === "ACCEPT" || policy === "DROP") table.declare(name, policy, counters);
    else this.#fail(1, "a policy: ACCEPT or DROP, or - for a chain that is not the kernel's own");
  }

  /** `-P CHAIN POLICY`, as `iptables -S` lists it. */
  #policy(table: OpenTable, at: number): void {
    const [chain = "", policy] = this.#line.words.slice(at);
    if (!builtInChains[table.name].includes(chain)) this.#fail(at, `one of the kernel's own chains of ${table.name}`);
    if (policy !== "ACCEPT" && policy !== "DROP") this.#fail(at + 1, "a policy: ACCEPT or DROP");
    table.declare(chain, policy, undefined);
  }

  #command(table: OpenTable): void {
    const { words } = this.#line;
    const counted = words[0]!.startsWith("[");
    const counters = counted ? this.#counters(0, words[0]!) : undefined;
    const at = counted ? 1 : 0;
    const command = words[at];
    const chain = words[at + 1] ?? "";
    if (command === "-N" && plainName.test(chain)) {
      table.declare(chain, undefined, undefined);
      return;
    }
    if (command === "-X") {
      if (!table.remove(chain)) this.#fail(at + 1, `a chain without rules that table ${table.name} has`);
      return;
    }
    if (command === "-P") {
      this.#policy(table, at + 1);
      return;
    }
    const adds = command === "-A" || command === "-I" || command === "--append" || command === "--insert";
    if (!adds) this.#fail(at, "a rule that is added (-A, -I), a chain (:CHAIN POLICY) or COMMIT");
    if (!table.has(chain)) this.#fail(at + 1, `a chain that table ${table.name} has`);
    if (command === "-A" || command === "--append") table.append(chain, this.#rule(at + 2, counters));
    else {
      const numbered = /^\d{1,9}$/.test(words[at + 2] ?? "");
      const place = numbered ? Number(words[at + 2]) : 1;
      const put = table.insert(chain, place, this.#rule(numbered ? at + 3 : at + 2, counters));
      if (!put) this.#fail(at + 2, "the number of a rule of the chain, or one more");
    }
  }

  #rule(from: number, counters: Counters | undefined): Rule {
    const rule = readRule(this.#line, from, this.#context);
    return counters === undefined ? rule : { ...rule, counters };
  }

  #counters(word: number, text: string): Counters {
    if (text === "[0:0]") return noCounters;
    const [, packets, bytes] = /^\[(\d{1,20}):(\d{1,20})\]$/.exec(text) ?? [];
    if (packets === undefined || bytes === undefined) return this.#fail(word, "counters, such as [0:0]");
    return { packets: BigInt(packets), bytes: BigInt(bytes) };
  }

  #fail(word: number, expected: string): never {
    const { text } = this.#line;
    throw invalid({ file: this.#file, line: this.#number, text, column: spanOf(this.#line, word)[0] }, expected);
  }
}

/** Where in a text something is wrong. */
interface Place {
  readonly file: string;
  readonly line: number;
  /** The line itself. */
  readonly text: string;
  /** Counted from 0. */
  readonly column: number;
}

const SHOWN = 60;
/** No rule of ours could show them. */
const CONTROL = /[^\P{Cc}\t]/u;
/** Of many lines. */
const CONTROL_IN_LINES = /[^\P{Cc}\t\n]/u;
const noCounters: Counters = Object.freeze({ packets: 0n, bytes: 0n });

function invalid({ file, line, text, column }: Place, expected: string): SluiceError<"INPUT_INVALID"> {
  const rest = text.slice(column);
  const received = rest === "" ? "the end" : JSON.stringify(rest.length > SHOWN ? `${rest.slice(0, SHOWN)}…` : rest);
  const place = { file, line, column: column + 1 };
  return new SluiceError("INPUT_INVALID", `${file}:${line}:${column + 1}: expected ${expected}, got ${received}`, {
    ...place,
    field: "rule",
    expected,
    received,
  });
}
