import { affinityTableBytes, NO_ENTRY, viewAffinityTable } from "../../balancers/affinity-table.ts";
import type { RecentLists } from "../emulated/decider.ts";

/** Source addresses that all lists together remember; where that is not enough, old ones go. */
const ENTRIES = 65_536;
/** The word of the lock at byte 0, and one more to keep the table on a multiple of 8 bytes. */
const HEADER_BYTES = 8;
/** The table holds small whole numbers: moments are kept as ticks, and start anew after 124 days. */
const TICK_MS = 10;
const TICKS = 2 ** 30;

/** The numbers under which the lists of a program stand in the table. */
export type ListNumbers = ReadonlyMap<string, number>;

/** Lists that all workers share. */
export interface SharedRecentLists extends RecentLists {
  /** Takes in the lists of the program that decides from now on. */
  use(numbers: ListNumbers): void;
}

/** Makes the memory of lists that remember nobody. */
export function createRecentMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + affinityTableBytes(ENTRIES));
}

/** Lays lists over their memory. Whoever uses them holds the lock of that memory. */
export function viewRecentLists(memory: SharedArrayBuffer): SharedRecentLists {
  const table = viewAffinityTable(memory, HEADER_BYTES, ENTRIES);
  let numbers: ListNumbers = new Map();
  return {
    use(next) {
      numbers = next;
    },
    seen(list, source, nowMs, seconds) {
      const tick = table.find(source, numbers.get(list)!, nowMs);
      if (tick === NO_ENTRY) return false;
      const ageTicks = (tickOf(nowMs) - tick + TICKS) % TICKS;
      return ageTicks * TICK_MS <= seconds * 1000;
    },
    remember(list, source, nowMs, seconds) {
      table.put(source, numbers.get(list)!, tickOf(nowMs), nowMs, seconds * 1000);
    },
  };
}

function tickOf(nowMs: number): number {
  return Math.floor(nowMs / TICK_MS) % TICKS;
}

/** Gives lists their numbers, and forgets who was in those that are gone. */
export interface ListRegistry {
  /** @param names of all lists that are in force from now on. The caller holds the lock of the memory. */
  retain(names: ReadonlySet<string>): ListNumbers;
}

export function createListRegistry(memory: SharedArrayBuffer): ListRegistry {
  const table = viewAffinityTable(memory, HEADER_BYTES, ENTRIES);
  let numbers: ListNumbers = new Map();
  let next = 0;
  return {
    retain(names) {
      for (const [list, tag] of numbers) if (!names.has(list)) table.forget({ tag });
      numbers = new Map([...names].map((list) => [list, numbers.get(list) ?? next++]));
      return numbers;
    },
  };
}
