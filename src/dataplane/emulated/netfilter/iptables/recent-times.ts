import type { Table } from "../../../../modes/iptables/ruleset.ts";

/**
 * For how long rules ask for addresses of the lists of `-m recent`: the longest of each list. The rules are gone through
 * when somebody asks first.
 */
export function recentTimes(tables: readonly Table[]): (list: string) => number | undefined {
  let known: ReadonlyMap<string, number> | undefined;
  return (list) => (known ??= readTimes(tables)).get(list);
}

function readTimes(tables: readonly Table[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { chains } of tables) {
    for (const { rules } of chains) {
      for (const { matches } of rules) {
        for (const match of matches) {
          if (match.kind !== "recent-check" && match.kind !== "recent") continue;
          const { list = "DEFAULT", seconds } = match;
          if (seconds !== undefined) times.set(list, Math.max(seconds, times.get(list) ?? 0));
        }
      }
    }
  }
  return times;
}
