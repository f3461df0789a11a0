import { type Ip, ipKey } from "../../net/ip.ts";
import type { RecentLists } from "./decider.ts";

/** Addresses that one list keeps: xt_recent's `ip_list_tot`. The one seen longest ago goes. */
const LIST_ADDRESSES = 100;

/** The lists of one node, in memory. */
export interface MemoryRecentLists extends RecentLists {
  /** Drops every list that is not named: the kernel's go with the last rule that names them. */
  retain(names: ReadonlySet<string>): void;
  /** Lists that start as these are now and change on their own. */
  fork(): RecentLists;
}

/** Makes lists that remember nobody yet. Looking up and remembering are O(1). */
export function createRecentLists(): MemoryRecentLists {
  return over(new Map());
}

/** By list, then address: when it was seen last. The order within a list is that of being seen. */
type Lists = Map<string, Map<number | string, number>>;

function over(lists: Lists): MemoryRecentLists {
  return {
    seen(list, source, nowMs, seconds) {
      const lastMs = lists.get(list)?.get(ipKey(source));
      return lastMs !== undefined && nowMs - lastMs <= seconds * 1000;
    },
    remember(list, source, nowMs) {
      let times = lists.get(list);
      if (times === undefined) lists.set(list, (times = new Map()));
      moveToEnd(times, source, nowMs);
    },
    retain(names) {
      for (const list of lists.keys()) if (!names.has(list)) lists.delete(list);
    },
    fork: () => over(new Map([...lists].map(([list, times]) => [list, new Map(times)]))),
  };
}

function moveToEnd(times: Map<number | string, number>, source: Ip, nowMs: number): void {
  const key = ipKey(source);
  times.delete(key);
  if (times.size >= LIST_ADDRESSES) {
    const [oldest] = times.keys();
    times.delete(oldest!);
  }
  times.set(key, nowMs);
}
