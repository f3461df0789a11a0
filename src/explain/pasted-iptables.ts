import { isSluiceError, SluiceError } from "../core/errors.ts";
import { parseIptables, parseIptablesLines } from "../modes/iptables/parse.ts";
import type { NumberedLine } from "../modes/iptables/parse.ts";
import type { IptablesRuleset } from "../modes/iptables/ruleset.ts";
import type { Family } from "../net/ip.ts";
import { plainCharacters, surroundingOf } from "./pasted-text.ts";
import { tableOfCommand, tableOfRules } from "./table-of-rules.ts";

export interface PastedRules {
  readonly ruleset: IptablesRuleset;
  /** What was made of a paste that is not whole, in words. */
  readonly remarks: readonly string[];
}

/**
 * Reads what people paste: the text of `iptables-save`, or of `iptables -S`, with prompts, fences and indentation around
 * it. What is cut off is said. A text that is whole is read as `parseIptables` reads it, at the same speed.
 *
 * @param file names the text in errors and remarks.
 * @throws {SluiceError} INPUT_INVALID with line and column, also for what another command printed.
 */
export function readPastedIptables(text: string, family: Family, file: string): PastedRules {
  const plain = plainCharacters(text);
  try {
    return { ruleset: parseIptables(plain, family, file), remarks: [] };
  } catch (error) {
    if (!isSluiceError(error, "INPUT_INVALID")) throw error;
    refuseOthers(plain, file);
    const { blocks, remarks } = blocksOf(plain, file);
    const lines = blocks.flatMap((block) => completed(block, file, remarks));
    return { ruleset: parseIptablesLines(lines, family, file), remarks };
  }
}

/** Lines of one table, without the ones that open and close it. */
interface Block {
  /** Undefined: nothing before the lines says so. */
  table: NumberedLine | undefined;
  readonly lines: NumberedLine[];
  end: NumberedLine | undefined;
}

function blocksOf(text: string, file: string): { readonly blocks: readonly Block[]; readonly remarks: string[] } {
  const remarks: string[] = [];
  const blocks: Block[] = [];
  let open: Block | undefined;
  const start = (table: NumberedLine | undefined): Block => {
    open = { table, lines: [], end: undefined };
    blocks.push(open);
    return open;
  };
  for (const line of numberedLines(text)) {
    const surrounding = surroundingOf(line.text);
    if (surrounding?.kind === "left-out") {
      remarks.push(`${file}: line ${line.number} says that lines were left out (${surrounding.text})`);
    } else if (surrounding?.kind === "command") {
      const table = tableOfCommand(surrounding.command);
      if (table !== undefined) start({ number: line.number, text: `*${table}` });
    } else if (surrounding !== undefined || line.text === "" || line.text.startsWith("#")) continue;
    else if (line.text.startsWith("*")) {
      if (open?.lines.length === 0 && open.end === undefined) blocks.pop();
      start(line);
    } else if (line.text === "COMMIT") {
      (open ?? start(undefined)).end = line;
      open = undefined;
    } else if (/^(?:-[msdpiojg]|--[a-z]\S*|!) /.test(line.text)) continueLine(open, line);
    else if (open === undefined || beginsAnother(open, line)) start(undefined).lines.push(line);
    else open.lines.push(line);
  }
  return { blocks, remarks };
}

/** Policies stand before all rules of a listing: one behind them is another table's. */
function beginsAnother({ table, lines }: Block, { text }: NumberedLine): boolean {
  const isOpened = table?.text.startsWith("*") === true && !lines.some((line) => line.text.startsWith("-P "));
  return !isOpened && text.startsWith("-P ") && lines.some((line) => line.text.startsWith("-A "));
}

/** Without indentation, marks of quotation, and numbers of lines. */
function numberedLines(text: string): readonly NumberedLine[] {
  return text.split("\n").map((line, index) => {
    const bare = line.replace(/^(?:>\s?)+/, "").trim();
    const counted = /^\d{1,7}(?::|\s)\s*((?:[*:]\w|-[A-Z] |\[\d+:\d+\] -A|COMMIT$|#).*)$/.exec(bare)?.[1];
    return { number: index + 1, text: counted ?? bare };
  });
}

/** A rule that goes on in the next line. */
function continueLine(open: Block | undefined, { number, text }: NumberedLine): void {
  const last = open?.lines.pop();
  open?.lines.push(last === undefined ? { number, text } : { number: last.number, text: `${last.text} ${text}` });
}

/** A block with all that iptables-restore wants of it. */
function completed({ table, lines, end }: Block, file: string, remarks: string[]): readonly NumberedLine[] {
  const [first] = lines;
  if (first === undefined && table === undefined) return [];
  const last = lines.at(-1) ?? table!;
  const name = table?.text.slice(1).trim() ?? tableOfRules(lines.map(({ text }) => text));
  if (name === undefined)
    throw invalid(file, first!, "a table, such as *nat (the whole of what iptables-save printed)");
  const isListing = lines.some(({ text }) => /^-[PN] /.test(text));
  if (table === undefined) {
    remarks.push(
      `${file}: rules of no table, lines ${first!.number} to ${last.number}, are read as those of table ${name}`,
    );
  }
  if (end === undefined && !isListing) remarks.push(`${file} ends within table ${name}: it may lack rules`);
  const missing = undeclared(lines);
  if (missing.length > 0) remarks.push(`${file} does not declare chains of table ${name}: ${missing.join(", ")}`);
  const opening = table ?? { number: first!.number, text: `*${name}` };
  return [
    opening,
    ...missing.map((chain) => ({ number: opening.number, text: `:${chain} - [0:0]` })),
    ...lines,
    end ?? { number: last.number, text: "COMMIT" },
  ];
}

const builtIn = new Set(["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]);

function undeclared(lines: readonly NumberedLine[]): readonly string[] {
  const declared = new Set<string>();
  const used = new Set<string>();
  for (const { text } of lines) {
    const [, chain] = /^(?::|-[NP] )(\S+)/.exec(text) ?? [];
    if (chain !== undefined) declared.add(chain);
    const [, added] = /^(?:\[\d+:\d+\] )?-[AI] (\S+) -/.exec(text) ?? [];
    if (added !== undefined) used.add(added);
  }
  return [...used].filter((chain) => !declared.has(chain) && !builtIn.has(chain));
}

const WANTED = "what iptables-save printed";
/** How the output of other commands begins, and what is said of it. */
const others: readonly (readonly [RegExp, string])[] = [
  [/^Chain \S+ \((?:policy|\d+ references)/, `${WANTED} (iptables -L leaves out parts of rules)`],
  [/^table (?:ip|ip6|inet|arp|bridge|netdev) \S+ \{/, `${WANTED} (rules of nft: --nft-json takes nft -j list ruleset)`],
  [/^\{/, `${WANTED} (rules of nft, as JSON: --nft-json takes them)`],
];

function refuseOthers(text: string, file: string): void {
  for (const line of numberedLines(text)) {
    if (line.text === "" || line.text.startsWith("#") || surroundingOf(line.text) !== undefined) continue;
    const expected = others.find(([pattern]) => pattern.test(line.text))?.[1];
    if (expected !== undefined) throw invalid(file, line, expected);
    return;
  }
}

const SHOWN = 60;

function invalid(file: string, { number, text }: NumberedLine, expected: string): SluiceError<"INPUT_INVALID"> {
  const received = JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
  return new SluiceError("INPUT_INVALID", `${file}:${number}:1: expected ${expected}, got ${received}`, {
    file,
    line: number,
    column: 1,
    field: "rule",
    expected,
    received,
  });
}
