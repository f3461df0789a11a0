import type { Flow } from "../net/flow.ts";
import { type BackendSet, usable } from "./backend-set.ts";
import { type Balancer, NO_BACKEND } from "./balancer.ts";
import type { Candidate } from "./explanation.ts";
import { standing } from "./standing.ts";

/** A table of slots that a flow is looked up in by a hash. */
export interface HashedTable {
  /** What an entry is called. */
  readonly entryName: string;
  /** What is looked at, in one sentence. */
  readonly rule: string;
  /** What of a flow is hashed. */
  wordOf(flow: Flow): number;
  /** The entry that a word hashes to. */
  entryOf(word: number): number;
  /** How many further entries are tried while the backends found may take no flow. */
  readonly fallbacks: number;
  /** The nth further entry, from 0 on. @param first the entry of the word. */
  fallbackOf(word: number, first: number, nth: number): number;
  /** The slot of an entry, or NO_BACKEND: then the table is empty. */
  slotAt(entry: number): number;
}

/** Picks the slot in a flow's entry of the table, or in the first of the further ones whose slot may take flows. */
export function pickFromTable(set: BackendSet, table: HashedTable): Pick<Balancer, "pick" | "explain"> {
  /** @param tried takes down each entry that is looked at. */
  const find = (flow: Flow, tried?: (entry: number, slot: number) => void): number => {
    const word = table.wordOf(flow);
    const first = table.entryOf(word);
    let entry = first;
    for (let nth = 0; ; nth += 1) {
      const slot = table.slotAt(entry);
      if (slot === NO_BACKEND) return NO_BACKEND;
      tried?.(entry, slot);
      if (usable(set, slot)) return slot;
      if (nth === table.fallbacks) return NO_BACKEND;
      entry = table.fallbackOf(word, first, nth);
    }
  };
  return {
    pick: (flow) => find(flow),
    explain(flow) {
      const candidates: Candidate[] = [];
      const slot = find(flow, (entry, slot) => {
        const name = candidates.length === 0 ? table.entryName : `fallback ${candidates.length}: ${table.entryName}`;
        candidates.push({ slot, value: entry, meaning: `${name}; ${standing(set, slot)}` });
      });
      return { slot, rule: table.rule, candidates };
    },
  };
}
