/** A part of a text: from `start` up to, but without, `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A document that is a block map with a block list under its key `items`. */
interface ListPieces {
  /** Up to and with the line `items:`, and from behind the list: together the document without its items. */
  readonly before: Range;
  readonly after: Range;
  /** Each with its dash. */
  readonly items: readonly Range[];
}

/**
 * Cuts a text at its `---` lines, which YAML lets stand for nothing else, not even within a scalar (YAML 1.2, 9.1.2).
 * Texts with directives (`%…`) or document ends (`...`) stay whole: there a piece depends on its neighbours.
 */
export function splitDocuments(text: string): Range[] {
  if (/(?:^|\n)(?:%|\.\.\.)/.test(text)) return [{ start: 0, end: text.length }];
  const starts = [0, ...[...text.matchAll(/\n---(?=[ \t\r\n]|$)/g)].map(({ index }) => index + 1)];
  return starts.map((start, i) => ({ start, end: starts[i + 1] ?? text.length }));
}

/**
 * Cuts `items:` into its members, by their indentation. A member that reads as YAML by itself means the same there as
 * in its list, but for aliases: a document that seems to use one stays whole.
 *
 * @returns undefined when the document is no such list. O(length).
 */
export function splitList(text: string, { start, end }: Range): ListPieces | undefined {
  const document = text.slice(start, end);
  const keys = [...document.matchAll(/(?:^|\n)items: *\r?\n/g)];
  if (keys.length !== 1 || usesAliases(document)) return undefined;
  const from = start + keys[0]!.index + keys[0]![0].length;
  const { starts, end: behind } = itemStarts(text, from, end);
  if (starts.length === 0) return undefined;
  const items = starts.map((itemStart, i) => ({ start: itemStart, end: starts[i + 1] ?? behind }));
  return { before: { start, end: from }, after: { start: behind, end }, items };
}

/** Errs to the side of yes: what looks like an anchor and an alias of one name may stand in a string. */
function usesAliases(document: string): boolean {
  const names = { "&": new Set<string>(), "*": new Set<string>() };
  for (const [, sign, name] of document.matchAll(/(?:^|[\s,[{])([&*])([^\s,[\]{}]+)/g)) {
    names[sign as "&" | "*"].add(name!);
  }
  return [...names["*"]].some((name) => names["&"].has(name));
}

/** Where the lines with the dashes of the list begin that begins at `from`, and where the list ends. */
function itemStarts(text: string, from: number, end: number): { starts: number[]; end: number } {
  const line = /( *)(-(?![^ \r\n]))?([^\r\n]?)[^\n]*(?:\n|$)/y;
  const starts: number[] = [];
  let indent = -1;
  for (let start = from; start < end; start = line.lastIndex) {
    line.lastIndex = start;
    const [, spaces, dash, next] = line.exec(text)!;
    const blankOrComment = dash === undefined && (next === "" || next === "#");
    if (blankOrComment) continue;
    if (indent < 0) indent = spaces!.length;
    if (spaces!.length < indent || (spaces!.length === indent && dash === undefined)) return { starts, end: start };
    if (spaces!.length === indent) starts.push(start);
  }
  return { starts, end };
}
