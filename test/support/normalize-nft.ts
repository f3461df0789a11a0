/**
 * The form in which two listings of nft are compared. What carries no meaning is taken away: the order of chains, sets
 * and maps, which is that of their making, the order of elements, and where lines of elements are broken.
 */

/** The blocks of each table, `chain NAME`, `set NAME`, …, by `family name`; the head of the table is the block ``. */
export type Listing = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Reads the text of `nft list ruleset`. */
export function readListing(text: string): Map<string, Map<string, string>> {
  const tables = new Map<string, Map<string, string>>();
  for (const table of text.split(/^(?=table )/m).filter((part) => part.trim() !== "")) {
    const [first = "", ...lines] = table.split("\n");
    const blocks = new Map<string, string[]>([["", []]]);
    let block = "";
    for (const line of lines) {
      const begun = /^\t(\S+ \S+) \{$/.exec(line)?.[1];
      if (begun !== undefined) blocks.set((block = begun), []);
      else if (line === "\t}") block = "";
      else if (line !== "" && line !== "}") blocks.get(block)!.push(line);
    }
    const name = first.replace(/^table (.*) \{$/, "$1");
    tables.set(name, new Map([...blocks].map(([title, body]) => [title, normalizeBlock(body.join("\n"))])));
  }
  return tables;
}

/** @returns one text for all listings that mean the same. */
export function normalizeListing(listing: Listing): string {
  const tables = [...listing].map(([name, blocks]) => {
    const texts = [...blocks].map(([title, body]) => `  ${title}\n${body}\n`);
    return `${name}\n${texts.sort().join("")}`;
  });
  return tables.sort().join("");
}

function normalizeBlock(body: string): string {
  return body.replace(/^\t\telements = \{([^]*)\}$/m, (_, elements: string) => {
    const each = elements.replaceAll(/\s+/g, " ").match(/(?:[^,"]|"[^"]*")+/g) ?? [];
    const texts = each.map((element) => element.trim().replace(/ expires \S+/, ""));
    return `\t\telements = { ${texts.sort().join(", ")} }`;
  });
}
