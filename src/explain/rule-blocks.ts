import type { NumberedLine } from "../modes/iptables/parse.ts";
import { surroundingOf } from "./pasted-text.ts";
import { tableOfCommand } from "./table-of-rules.ts";

/** Lines of one table, without the ones that open and close it. */
export interface RuleBlock {
  /** Undefined: nothing before the lines says so. */
  table: NumberedLine | undefined;
  readonly lines: NumberedLine[];
  end: NumberedLine | undefined;
}

export function blocksOf(
  text: string,
  file: string,
): { readonly blocks: readonly RuleBlock[]; readonly remarks: string[] } {
  const remarks: string[] = [];
  const blocks: RuleBlock[] = [];
  let open: RuleBlock | undefined;
  const start = (table: NumberedLine | undefined): RuleBlock => {
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
function beginsAnother({ table, lines }: RuleBlock, { text }: NumberedLine): boolean {
  if (!text.startsWith("-P ")) return false;
  const isOpened = table?.text.startsWith("*") === true && !lines.some((line) => line.text.startsWith("-P "));
  return !isOpened && lines.some((line) => line.text.startsWith("-A "));
}

/** Marks of quotation, and what stands before a program's words in a system's log. */
const LOG_OR_QUOTE =
  /^(?:>\s?)+|^\s*[A-Z][a-z]{2}\s+\d+ [\d:]{8} \S+ [\w.-]+(?:\[\d+\])?: |^\d{4}-\d\d-\d\dT[\d:.]+Z? /;

/** Without indentation, marks of quotation, and numbers of lines. */
export function numberedLines(text: string): readonly NumberedLine[] {
  return text.split("\n").map((line, index) => {
    const bare = line.replace(LOG_OR_QUOTE, "").trim();
    const counted = /^\d{1,7}(?::|\s)\s*((?:[*:]\w|-[A-Z] |\[\d+:\d+\] -A|COMMIT$|#).*)$/.exec(bare)?.[1];
    return { number: index + 1, text: counted ?? bare };
  });
}

/** A rule that goes on in the next line. */
function continueLine(open: RuleBlock | undefined, { number, text }: NumberedLine): void {
  const last = open?.lines.pop();
  open?.lines.push(last === undefined ? { number, text } : { number: last.number, text: `${last.text} ${text}` });
}
