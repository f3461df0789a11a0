import { Composer, type CST, type Document, isAlias, isMap, isNode, isScalar, isSeq, Parser, visit } from "yaml";
import { type Key, type TextDocument, TextFault } from "./document.ts";

/** Deeper than any object of Kubernetes; the library's own recursion ends the process some thousands deeper. */
const MAX_DEPTH = 100;
/** Resolving aliases costs the library O(aliases × nodes). Generous for texts written by people. */
const MAX_ALIASES = 1000;

/**
 * Reads YAML 1.2 with the YAML library: all of it, but slowly (about 2 MB/s) and in many times the text's memory.
 *
 * @param text one document or several.
 * @param shift turns an offset in `text` into one in the text that it was cut from.
 * @throws {TextFault} for the first thing in it that is not YAML, for keys that stand twice, for nesting and aliases
 *   beyond the limits above, and for merge keys (`<<`), whose repeated expansion nothing would bound.
 */
export function readYamlDocuments(text: string, shift: (offset: number) => number): TextDocument[] {
  const tokens = [...new Parser().parse(text)];
  checkDepth(tokens, shift);
  return byLibrary(shift(0), () => {
    const composer = new Composer({ prettyErrors: false, logLevel: "error" });
    return [...composer.compose(tokens)];
  }).map((document) => readDocument(document, shift));
}

/** Whatever the library throws is about the text. */
function byLibrary<T>(offset: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw notYaml(offset, error as Error);
  }
}

function readDocument(document: Document.Parsed, shift: (offset: number) => number): TextDocument {
  const [error] = document.errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (error !== undefined) {
    const offset = shift(Math.max(0, error.pos[0]));
    if (error.code !== "DUPLICATE_KEY") throw notYaml(offset, error);
    throw new TextFault({ offset, expected: "a key that the map does not have yet", received: "one that it has" });
  }
  checkReferences(document, shift);
  // What is left to go wrong here are aliases that expand too far.
  const offset = shift(startOf(document.contents) ?? 0);
  const value: unknown = byLibrary(offset, () => document.toJS({ maxAliasCount: MAX_ALIASES }));
  return { value, offsetOf: (path) => shift(offsetInDocument(document, path)) };
}

/** The parser that makes the tokens needs no stack for nesting; whatever reads them does. */
function checkDepth(tokens: readonly CST.Token[], shift: (offset: number) => number): void {
  let level: readonly CST.Token[] = tokens;
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) {
      const expected = `at most ${MAX_DEPTH} maps and lists within each other`;
      throw new TextFault({ offset: shift(level[0]!.offset), expected, received: "more" });
    }
    level = level.flatMap(tokensWithin);
  }
}

function tokensWithin(token: CST.Token): CST.Token[] {
  if (token.type === "document") return token.value === undefined ? [] : [token.value];
  if (!("items" in token)) return [];
  return token.items.flatMap(({ key, value }) => [key, value].filter((inner) => inner !== undefined && inner !== null));
}

function checkReferences(document: Document.Parsed, shift: (offset: number) => number): void {
  const fail = (node: unknown, expected: string, received: string): never => {
    throw new TextFault({ offset: shift(startOf(node) ?? 0), expected, received });
  };
  const anchors = new Set<string>();
  let aliases = 0;
  visit(document, {
    Value(_key, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Alias(_key, alias) {
      aliases += 1;
      if (!anchors.has(alias.source)) fail(alias, "an alias of an anchor before it", JSON.stringify(alias.source));
      if (aliases > MAX_ALIASES) fail(alias, `at most ${MAX_ALIASES} aliases in a document`, "more");
    },
    Pair(_key, { key }) {
      const merge = isScalar(key) && key.value === "<<" && key.type === "PLAIN";
      if (merge || (isScalar(key) && typeof key.value === "symbol")) fail(key, "keys written out", "a merge key (<<)");
    },
  });
}

function offsetInDocument(document: Document.Parsed, path: readonly Key[]): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) node = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === step)?.value;
    else node = isSeq(node) ? node.items[step as number] : undefined;
    const start = startOf(node);
    if (start === undefined) break;
    offset = start;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function notYaml(offset: number, { message }: Error): TextFault {
  const mistake = message.charAt(0).toLowerCase() + message.slice(1);
  return new TextFault({ offset, expected: "YAML", received: `text with a mistake (${mistake})` });
}
