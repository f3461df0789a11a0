import type { TextDocument } from "./document.ts";
import { tryReadPlainYaml } from "./plain-yaml.ts";
import { readYamlDocuments } from "./yaml-document.ts";
import { type Range, splitDocuments, splitList } from "./yaml-pieces.ts";

/**
 * Reads a text of YAML documents, one at a time, and the items of a `kind: List` one at a time too, so that the
 * library's tree of a long text never exists at once.
 *
 * @returns documents whose `value` is null where there is no content.
 * @throws {TextFault} while it is read, where the text stops being YAML.
 */
export function* readYaml(text: string): Generator<TextDocument> {
  for (const range of splitDocuments(text)) {
    const list = readList(text, range);
    if (list === undefined) yield* readPiece(text.slice(range.start, range.end), (offset) => range.start + offset);
    else yield list;
  }
}

/** @returns undefined unless the range is a block map with a block list named `items`, which can be read in pieces. */
function readList(text: string, range: Range): TextDocument | undefined {
  const list = splitList(text, range);
  if (list === undefined) return undefined;
  const { before, after, items } = list;
  const shift = (offset: number): number =>
    offset < before.end - before.start ? before.start + offset : after.start + offset - (before.end - before.start);
  // More than one where a document ends by `...`, which leaves a range whole.
  const [head, ...others] = readPiece(text.slice(before.start, before.end) + text.slice(after.start, after.end), shift);
  if (head === undefined || others.length > 0 || !isListHead(head.value)) return undefined;
  return { ...head, items: readItems(text, items) };
}

/** Whether its items will be read: those of anything else have to be YAML all the same. */
function isListHead(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("items" in value) || value.items !== null) return false;
  return "kind" in value && typeof value.kind === "string" && value.kind.endsWith("List");
}

function* readItems(text: string, items: Iterable<Range>): Generator<TextDocument> {
  for (const { start, end } of items) {
    for (const piece of readPiece(text.slice(start, end), (offset) => start + offset)) {
      // The piece is a list of one; in the text it is the member `index` of `items`.
      const [value] = piece.value as readonly unknown[];
      yield { value, offsetOf: ([, , ...path]) => piece.offsetOf([0, ...path]) };
    }
  }
}

function readPiece(text: string, shift: (offset: number) => number): TextDocument[] {
  const value = tryReadPlainYaml(text);
  if (value === undefined) return readYamlDocuments(text, shift);
  return [{ value, offsetOf: (path) => readYamlDocuments(text, shift)[0]?.offsetOf(path) ?? shift(0) }];
}
