/**
 * A reader of plain YAML: the block style in which kubectl and most people write objects, one `key: value` a line.
 * It knows only what it is sure of and leaves the rest to the YAML library, over ten times slower: anchors, tags,
 * flow collections, folded and multi-line scalars, quoted keys, non-ASCII text, numbers in unusual forms.
 */

/** `key:` or `key: value`; `.` and `k:{"port":80}` are keys of managedFields. YAML limits the length of such keys. */
const ENTRY = /^(\.|[A-Za-z_](?:[\w./{}",-]|:(?=[\w./{}",-])){0,250}):(?: +([!-~][ -~]*))?$/;
/** Keys that YAML reads as something else than text, and one that JavaScript does. */
const SPECIAL_KEY = /^(?:null|true|false|__proto__)$/i;
/** Printable ASCII, with no `: `, no ` #`, and nothing at the start that means something to YAML. */
const PLAIN = /^[A-Za-z0-9_./](?:[!-"$-9;-~]|#|:(?=[!-~])| (?=[ !-"$-~]))*$/;
/** A string in quotes with a comment behind it. */
const QUOTED_COMMENTED = /^("[^"\\]*"|'[^']*') +#/;
/** With the escapes that YAML shares with JSON. */
const DOUBLE_QUOTED = /^"(?:[ !#-[\]-~]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"$/;
const SINGLE_QUOTED = /^'(?:[ -&(-~]|'')*'$/;
const INTEGER = /^(?:0|[1-9]\d{0,14})$/;
/** Any other number of the core schema (YAML 1.2, 10.3.2). */
const ODD_NUMBER =
  /^(?:\d+|0o[0-7]+|0x[\da-fA-F]+|(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?|\.(?:inf|Inf|INF|nan|NaN|NAN))$/;
const LITERAL_LINE = /^[ -~]+$/;
const MAX_SCALAR_LENGTH = 10_000;
const MAX_DEPTH = 50;

const constants = new Map<string, boolean | null>([
  ["null", null],
  ["Null", null],
  ["NULL", null],
  ["true", true],
  ["True", true],
  ["TRUE", true],
  ["false", false],
  ["False", false],
  ["FALSE", false],
]);

/** Thrown and caught in this file alone. */
const notPlain = new Error("not plain YAML");

/**
 * Reads one document of plain YAML.
 *
 * @returns what the YAML library would (null for a text without content); undefined when the text is not plain, which
 *   says nothing of whether it is YAML. O(length).
 */
export function tryReadPlainYaml(text: string): unknown {
  try {
    return new PlainReader(text).document();
  } catch (error) {
    if (error === notPlain) return undefined;
    throw error;
  }
}

class PlainReader {
  private readonly lines: readonly string[];
  private index = -1;
  /** Of the line being read: where its unread rest begins, -1 behind the last line; and that rest. */
  private column = -1;
  private rest = "";

  constructor(text: string) {
    this.lines = text.split("\n");
  }

  document(): unknown {
    if (this.lines[0] === "---") this.index = 0;
    this.nextLine();
    if (this.column < 0) return null;
    const value = this.block(0);
    if (this.column >= 0) throw notPlain;
    return value;
  }

  private block(depth: number): unknown {
    if (depth > MAX_DEPTH) throw notPlain;
    return this.rest.startsWith("- ") ? this.list(depth) : this.map(depth);
  }

  private list(depth: number): unknown[] {
    const at = this.column;
    const items: unknown[] = [];
    while (this.column === at && this.rest.startsWith("- ")) {
      const width = 2 + indentOf(this.rest.slice(2));
      this.column += width;
      this.rest = this.rest.slice(width);
      items.push(ENTRY.test(this.rest) ? this.map(depth + 1) : this.scalar(withoutComment(this.rest), at));
    }
    if (this.column > at) throw notPlain;
    return items;
  }

  private map(depth: number): Record<string, unknown> {
    const at = this.column;
    const map: Record<string, unknown> = {};
    while (this.column === at) {
      const entry = ENTRY.exec(this.rest);
      if (entry === null) break;
      const key = entry[1]!;
      if (Object.hasOwn(map, key) || SPECIAL_KEY.test(key)) throw notPlain;
      map[key] = this.entryValue(entry[2] ?? "", at, depth);
    }
    // A line that belongs to nobody: the caller of a map at another column would not notice.
    if (this.column > at || (this.column === at && !this.rest.startsWith("- "))) throw notPlain;
    return map;
  }

  private entryValue(rest: string, at: number, depth: number): unknown {
    const text = rest.startsWith("#") ? "" : withoutComment(rest);
    if (text === "|" || text === "|-") return this.literal(at, text === "|" ? "\n" : "");
    if (text !== "") return this.scalar(text, at);
    this.nextLine();
    // A list may stand as far left as the key that it belongs to.
    const nested = this.column > at || (this.column === at && this.rest.startsWith("- "));
    return nested ? this.block(depth + 1) : null;
  }

  /** The last thing on its line, which nothing further right may continue. */
  private scalar(text: string, at: number): unknown {
    const value = scalarValue(text);
    this.nextLine();
    if (this.column > at) throw notPlain;
    return value;
  }

  /** A literal block scalar without blank lines. */
  private literal(at: number, end: string): string {
    const indent = indentOf(this.lines[this.index + 1] ?? "");
    if (indent <= at) throw notPlain;
    const content: string[] = [];
    for (this.index += 1; this.index < this.lines.length; this.index += 1) {
      const line = this.lines[this.index]!;
      if (indentOf(line) < indent) break;
      if (!LITERAL_LINE.test(line) || line.length === indent) throw notPlain;
      content.push(line.slice(indent));
    }
    const behind = this.lines[this.index];
    // Only the end of the text may be blank: elsewhere it might belong to the scalar. The same goes for a comment.
    if (behind === undefined || indentOf(behind) > at) throw notPlain;
    if (/^ *(?:#|$)/.test(behind) && this.index < this.lines.length - 1) throw notPlain;
    this.index -= 1;
    this.nextLine();
    return content.join("\n") + end;
  }

  /** On to the next line that is neither blank nor a comment. */
  private nextLine(): void {
    for (this.index += 1; this.index < this.lines.length; this.index += 1) {
      const line = this.lines[this.index]!;
      const column = indentOf(line);
      if (column === line.length || line[column] === "#") continue;
      this.column = column;
      this.rest = line.slice(column);
      return;
    }
    this.column = -1;
  }
}

function indentOf(line: string): number {
  let indent = 0;
  while (line.charCodeAt(indent) === 0x20) indent += 1;
  return indent;
}

function withoutComment(text: string): string {
  if (text.startsWith('"') || text.startsWith("'")) return QUOTED_COMMENTED.exec(text)?.[1] ?? text;
  const comment = text.indexOf(" #");
  return comment < 0 ? text : text.slice(0, comment).trimEnd();
}

function scalarValue(text: string): unknown {
  if (text.length > MAX_SCALAR_LENGTH) throw notPlain;
  if (text === "{}") return {};
  if (text === "[]") return [];
  if (DOUBLE_QUOTED.test(text)) return JSON.parse(text);
  if (SINGLE_QUOTED.test(text)) return text.slice(1, -1).replaceAll("''", "'");
  if (INTEGER.test(text)) return Number(text);
  if (!PLAIN.test(text) || ODD_NUMBER.test(text)) throw notPlain;
  const constant = constants.get(text);
  return constant === undefined ? text : constant;
}
