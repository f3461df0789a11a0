import type { DraftPart } from "./draft.ts";
import type { Element } from "./ruleset.ts";

/** The elements of each set, of all parts. */
export type ElementJoiner = (parts: readonly DraftPart[]) => ReadonlyMap<string, readonly Element[]>;

/**
 * Makes a joiner for parts of which most are the very same (`===`) from one call to the next: it looks at the keys of
 * those that are not.
 *
 * Of two elements of a set with one key the first stays: where two Services claim an address, kube-proxy leaves it to
 * chance.
 */
export function createElementJoiner(): ElementJoiner {
  const counts = new Map<string, Map<string, number>>();
  let known: ReadonlySet<DraftPart> = new Set();
  let doubles = 0;

  const count = ({ elements }: DraftPart, by: 1 | -1): void => {
    for (const [set, { keys }] of elements) {
      let ofSet = counts.get(set);
      if (ofSet === undefined) counts.set(set, (ofSet = new Map()));
      for (const key of keys) {
        const before = ofSet.get(key) ?? 0;
        doubles += Math.max(0, before + by - 1) - Math.max(0, before - 1);
        if (before + by === 0) ofSet.delete(key);
        else ofSet.set(key, before + by);
      }
      if (ofSet.size === 0) counts.delete(set);
    }
  };
  return (parts) => {
    const now = new Set(parts);
    for (const part of known) if (!now.has(part)) count(part, -1);
    for (const part of now) if (!known.has(part)) count(part, 1);
    known = now;
    return doubles === 0 ? joined(parts) : joinedOnce(parts);
  };
}

function joined(parts: readonly DraftPart[]): ReadonlyMap<string, readonly Element[]> {
  const lists = new Map<string, (readonly Element[])[]>();
  for (const part of parts) {
    for (const [set, { elements }] of part.elements) {
      const ofSet = lists.get(set);
      if (ofSet === undefined) lists.set(set, [elements]);
      else ofSet.push(elements);
    }
  }
  return new Map(Array.from(lists, ([set, all]) => [set, all.flat()]));
}

function joinedOnce(parts: readonly DraftPart[]): ReadonlyMap<string, readonly Element[]> {
  const bySet = new Map<string, Map<string, Element>>();
  for (const part of parts) {
    for (const [set, { keys, elements }] of part.elements) {
      let ofSet = bySet.get(set);
      if (ofSet === undefined) bySet.set(set, (ofSet = new Map()));
      for (const [i, key] of keys.entries()) if (!ofSet.has(key)) ofSet.set(key, elements[i]!);
    }
  }
  return new Map(Array.from(bySet, ([set, elements]) => [set, [...elements.values()]]));
}
