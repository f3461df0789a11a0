import { type BackendSet, listed } from "./backend-set.ts";
import { type Algorithm, type Balancer, NO_BACKEND } from "./balancer.ts";
import { explainedOnCopy } from "./explained-on-copy.ts";
import type { Candidate } from "./explanation.ts";
import { type FlowKey, flowHash } from "./flow-hash.ts";
import { loadBound, loadBoundWords } from "./load-bound.ts";

/** A circle of entries, each with a slot, that flows are hashed to. */
export interface Table {
  /** What an entry is called. */
  readonly entryName: string;
  /** How many entries; 0 where no backend has a weight above 0. */
  size(): number;
  /** The entry of a hash of 32 bits. Called where there are entries. */
  entryOf(hash: number): number;
  slotAt(entry: number): number;
  /** Makes all entries anew. @returns the words that it takes now. */
  build(): number;
}

/** A table that can be made over a set and the state behind the words that are not its own. */
export interface TableMaker {
  /** Words of state, at most, for a set of this capacity. */
  words(capacity: number): number;
  create(set: BackendSet, state: Int32Array): Table;
}

/** Word 0: whether the table is that of the list and the weights; word 1: where the words behind the table begin. */
const BUILT = 0;
const BEHIND = 1;
/** Word 2: where the weights begin that the table was built with, one word a slot. */
const WEIGHTS = 2;
const HEADER = 4;

/**
 * An algorithm that looks flows up in a table by their hash. A change of the list or of a weight only says that the
 * table is out of date; the next pick builds it, so that many changes in a row cost one build. What a backend's
 * load says about it counts at the pick: one that may not take the flow is passed over for that of the next entry, round
 * the table once.
 */
export function rebuiltTable(
  name: string,
  { words, create }: TableMaker,
  { flowKey, hashBalanceFactor }: { readonly flowKey: FlowKey; readonly hashBalanceFactor: number },
): Pick<Algorithm, "stateWords" | "create"> {
  const hashOf = flowHash(flowKey);
  const behind = (capacity: number): number => loadBoundWords(capacity) + capacity;
  return {
    stateWords: (capacity) => HEADER + words(capacity) + 1 + behind(capacity),
    create: (set, state) =>
      explainedOnCopy(state, (state): Balancer => {
        const table = create(set, state.subarray(HEADER));
        const bound = loadBound(set, state, () => state[BEHIND]!, hashBalanceFactor);
        const build = (): void => {
          const end = HEADER + table.build();
          // The bound's doubles lie on even words.
          state[BEHIND] = end + (end & 1);
          state[WEIGHTS] = state[BEHIND]! + loadBoundWords(set.capacity);
          state.set(set.weight.subarray(0, set.capacity), state[WEIGHTS]);
          bound.rebuild();
          state[BUILT] = 1;
        };
        const outdate = (): void => {
          state[BUILT] = 0;
        };
        const builtWeight = (slot: number): number => state[state[WEIGHTS]! + slot]!;
        /** @param tried takes down each entry that is looked at. */
        const find = (hash: number, tried?: (entry: number, slot: number) => void): number => {
          if (state[BUILT] === 0) build();
          if (!bound.admitsAny()) return NO_BACKEND;
          const size = table.size();
          let entry = table.entryOf(hash);
          for (let left = size; left > 0; left -= 1) {
            const slot = table.slotAt(entry);
            tried?.(entry, slot);
            if (bound.admits(slot)) return slot;
            entry = entry + 1 === size ? 0 : entry + 1;
          }
          // A table with fewer entries than backends has none for some.
          return listed(set).find((slot) => bound.admits(slot)) ?? NO_BACKEND;
        };
        return {
          algorithm: name,
          pick: (flow) => find(hashOf(flow)),
          loadChanged(slot) {
            if (state[BUILT] === 1) bound.changed(slot);
          },
          added: outdate,
          removing(slot) {
            if (state[BUILT] === 0) return;
            if (builtWeight(slot) > 0) outdate();
            else bound.removing(slot);
          },
          reweighted(slot) {
            if (state[BUILT] === 0) return;
            if (builtWeight(slot) !== set.weight[slot]) outdate();
            else bound.changed(slot);
          },
          rebuild: build,
          explain(flow) {
            const candidates: Candidate[] = [];
            const slot = find(hashOf(flow), (entry, slot) => {
              candidates.push({ slot, value: entry, meaning: `${table.entryName}; ${bound.standing(slot)}` });
            });
            const rule = `the ${table.entryName} that the flow hashes to, or the next one whose backend may take it`;
            return { slot, rule, candidates };
          },
        };
      }),
  };
}
