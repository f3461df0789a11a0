import type { CanonicalDump } from "./dump.ts";

/**
 * The text of `nft -s list ruleset`. Blocks are listed in the order in which they were made and elements in that of a
 * hash, so neither order counts; what is left of an element's time does not either.
 *
 * @param tables the names of the tables to look at; undefined for all.
 */
export function canonicalNft(text: string, tables?: readonly string[]): CanonicalDump {
  const dump = new Map<string, readonly string[]>();
  for (const part of text.split(/^(?=table )/m)) {
    const head = /^table (\S+) (\S+) \{/.exec(part);
    if (head === null || tables?.includes(head[2]!) === false) continue;
    const table = `${head[1]} ${head[2]}`;
    dump.set(table, headLines(part));
    for (const [block] of part.matchAll(/^\t(?:set|map|chain) [\s\S]*?^\t\}$/gm)) {
      dump.set(`${table} ${block.slice(1, block.indexOf(" {"))}`, sortedElements(block).split("\n"));
    }
  }
  return dump;
}

/** What a table says of itself before its first block: its comment and flags. */
function headLines(table: string): string[] {
  const lines = table.split("\n").slice(1);
  const end = lines.findIndex((line) => /^\t(set|map|chain) |^\}/.test(line));
  return lines.slice(0, end).filter((line) => line.trim() !== "");
}

function sortedElements(block: string): string {
  return block.replace(/elements = \{([\s\S]*?)\}(?=\n)/, (_, list: string) => {
    const one = list.replaceAll(/\s+/g, " ").trim();
    const elements = one
      .split(/,\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/)
      .map((text) => text.replace(/ expires \S+/, "").trim());
    return `elements = {\n${elements
      .sort()
      .map((element) => `\t\t\t${element}`)
      .join("\n")} }`;
  });
}
