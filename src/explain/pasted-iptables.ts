import { isSluiceError, SluiceError } from "../core/errors.ts";
import { parseIptables, parseIptablesLines } from "../modes/iptables/parse.ts";
import type { NumberedLine } from "../modes/iptables/parse.ts";
import type { IptablesRuleset } from "../modes/iptables/ruleset.ts";
import type { Family } from "../net/ip.ts";
import { plainCharacters, surroundingOf } from "./pasted-text.ts";
import { blocksOf, numberedLines, type RuleBlock } from "./rule-blocks.ts";
import { tableOfRules } from "./table-of-rules.ts";

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
    const lines = ofKnownTables(blocks, file, remarks).flatMap((block) => completed(block, file, remarks));
    try {
      return { ruleset: parseIptablesLines(lines, family, file), remarks };
    } catch (second) {
      const whole = withoutCutLine(lines, blocks.at(-1), second);
      if (whole === undefined) throw second;
      remarks.push(`${file}: line ${whole.cut} is cut: it is left out`);
      return { ruleset: parseIptablesLines(whole.lines, family, file), remarks };
    }
  }
}

/** The end of a table before the first that is named is left out, where others are there. */
function ofKnownTables(blocks: readonly RuleBlock[], file: string, remarks: string[]): readonly RuleBlock[] {
  return blocks.filter((block, at) => {
    const [first] = block.lines;
    const isKnown = block.table !== undefined || first === undefined || nameOf(block) !== undefined;
    if (isKnown || at > 0 || blocks.length === 1 || block.end === undefined) return true;
    const last = block.lines.at(-1)!;
    remarks.push(
      `${file}: lines ${first.number} to ${last.number} are of a table that nothing tells: they are left out`,
    );
    return false;
  });
}

function nameOf({ table, lines }: RuleBlock): string | undefined {
  return table?.text.slice(1).trim() ?? tableOfRules(lines.map(({ text }) => text));
}

/** A paste that ends within a table may end within a line. @returns undefined where something else is wrong. */
function withoutCutLine(
  lines: readonly NumberedLine[],
  block: RuleBlock | undefined,
  error: unknown,
): { readonly lines: readonly NumberedLine[]; readonly cut: number } | undefined {
  const cut = block?.end === undefined ? block?.lines.at(-1)?.number : undefined;
  if (cut === undefined || !isSluiceError(error, "INPUT_INVALID") || error.details.line !== cut) return undefined;
  return { lines: lines.filter(({ number, text }) => number !== cut || text === "COMMIT"), cut };
}

/** A block with all that iptables-restore wants of it. */
function completed(block: RuleBlock, file: string, remarks: string[]): readonly NumberedLine[] {
  const { table, lines, end } = block;
  const [first] = lines;
  if (first === undefined && table === undefined) return [];
  const last = lines.at(-1) ?? table!;
  const name = nameOf(block);
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
