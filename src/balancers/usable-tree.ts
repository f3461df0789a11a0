import { type BackendSet, usable } from "./backend-set.ts";
import { type ListTree, listTree, listTreeWords, sum } from "./list-tree.ts";

export function usableTreeWords(capacity: number): number {
  return listTreeWords(capacity, 1);
}

/** A tree that counts the usable slots of every run of the list. */
export function usableTree(set: BackendSet, state: Int32Array): ListTree {
  return listTree(set, state, [{ of: (slot) => (usable(set, slot) ? 1 : 0), join: sum }]);
}
