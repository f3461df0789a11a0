import type { ClusterObject } from "../objects.ts";
import { type TextDocument, TextFault } from "../text/document.ts";
import { Fields, formatPath, WrongField } from "./fields.ts";
import { itemTypeOf, readObject } from "./object.ts";

/**
 * Reads the objects of one document: one object, or the items of a List.
 *
 * @returns what `readObject` returns, of each; nothing for a document without content.
 * @throws {TextFault}
 */
export function* readDocument(document: TextDocument): Generator<ClusterObject | string> {
  if (document.value === null) return;
  const root = located(document, () => Fields.of(document.value));
  const itemType = located(document, () => itemTypeOf(root));
  if (itemType === undefined) {
    yield located(document, () => readObject(root));
    return;
  }
  let index = 0;
  for (const { item, source } of itemsOf(document, root)) {
    yield located(source, () => readItem(Fields.of(item, "items", index), itemType));
    index += 1;
  }
}

function* itemsOf(document: TextDocument, root: Fields): Generator<{ item: unknown; source: TextDocument }> {
  for (const source of document.items ?? []) yield { item: source.value, source };
  for (const item of located(document, () => root.values("items")) ?? []) yield { item, source: document };
}

function readItem(item: Fields, itemType: Parameters<typeof readObject>[1]): ClusterObject | string {
  if (itemTypeOf(item) !== undefined) item.fail("kind", "an object, not a List in a List");
  return readObject(item, itemType);
}

/** Says of a wrong field where in the text it stands. @throws {TextFault} in place of a WrongField. */
export function located<T>(document: TextDocument, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WrongField)) throw error;
    const { path, expected, received } = error;
    throw new TextFault({ offset: document.offsetOf(path), field: formatPath(path), expected, received });
  }
}
