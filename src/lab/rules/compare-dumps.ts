import type { CanonicalDump } from "./dump.ts";

/** A block in which two dumps differ. */
export interface BlockDifference {
  readonly block: string;
  /** Recorded and not there now; the whole block where it is not there. */
  readonly missing: readonly string[];
  /** There now and not recorded. */
  readonly unexpected: readonly string[];
  /** The same lines, in another order. */
  readonly reordered: boolean;
}

/** @returns every difference, by name of the block; empty when the dumps are equal. */
export function compareDumps(recorded: CanonicalDump, now: CanonicalDump): readonly BlockDifference[] {
  const names = [...new Set([...recorded.keys(), ...now.keys()])].sort();
  return names.flatMap((block) => {
    const [theirs, ours] = [recorded.get(block) ?? [], now.get(block) ?? []];
    if (recorded.has(block) && now.has(block) && theirs.join("\n") === ours.join("\n")) return [];
    const missing = without(theirs, ours);
    const unexpected = without(ours, theirs);
    return [{ block, missing, unexpected, reordered: missing.length === 0 && unexpected.length === 0 }];
  });
}

/** The lines of one list that the other does not have, as often as it does not have them. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const left = counts.get(line) ?? 0;
    counts.set(line, left - 1);
    return left <= 0;
  });
}
