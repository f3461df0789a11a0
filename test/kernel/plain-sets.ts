import type { IpSet } from "../../src/modes/ipvs/ip-set.ts";
import { entryText, renderSets } from "../../src/modes/ipvs/render-sets.ts";

/** Sets as text, without what the kernel chooses: the order of entries, and two options. */
export function plainSets(sets: readonly IpSet[]): string {
  const plain = sets.map((set) => ({
    ...set,
    options: set.options.filter(({ name }) => name !== "bucketsize" && name !== "initval"),
    entries: set.entries.toSorted((a, b) => (entryText(a) < entryText(b) ? -1 : 1)),
  }));
  return renderSets(plain, "save");
}
