import { datatypesNamed } from "./datatypes.ts";
import { expressionText } from "./render-expression.ts";
import type { Element, NamedSet } from "./ruleset.ts";
import { syntaxOf } from "./syntax.ts";

/** No key depends on the family. */
const listed = syntaxOf("listed", "ip");

/** Elements of a set by the text of their key. */
export function elementsByKey({ key }: NamedSet, elements: readonly Element[]): ReadonlyMap<string, Element> {
  const types = datatypesNamed(key);
  return new Map(elements.map((element) => [expressionText(element.key, listed, types), element]));
}
