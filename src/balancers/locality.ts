import { type BackendSet, holds } from "./backend-set.ts";
import type { Balancer } from "./balancer.ts";
import { bestFirst, type Ranking } from "./best-first.ts";
import type { Explanation } from "./explanation.ts";
import { activeOverhead, type Kernel } from "./kernel.ts";
import { compareOverheads } from "./overhead.ts";
import { INDEX_HEADS, slotIndex } from "./slot-index.ts";

/** What lblc and lblcr share: who is least loaded, who is too loaded to keep a destination, and who is who. */
export interface Locality {
  /** What wlc would pick; NO_BACKEND if no slot is usable. O(1). */
  leastLoaded(): number;
  /** Why, with all that is compared. O(n). */
  explainLeastLoaded(): Explanation;
  /** Whether a slot has more active connections than its weight, while some other has less than half of it. O(1). */
  tooLoaded(slot: number): boolean;
  /** The slot that the backend of this identity has, or had last; NO_BACKEND once another backend has it. */
  slotOf(identityLow: number, identityHigh: number): number;
  /** Overhead per weight, as `compareOverheads`. */
  compare(a: number, b: number): number;
  /** Puts it into words. */
  readonly ranking: Ranking;
  /** Keep all this, each in O(log n). */
  readonly hooks: Pick<Balancer, "loadChanged" | "added" | "removing" | "reweighted" | "rebuild">;
}

/** Words in front: how many slots have less than half, how many are in the heap, the heads of the index. */
const UNDERUSED = 0;
const HEAP_SIZE = 1;
const HEADS = 2;
const SLOTS = HEADS + INDEX_HEADS;
/** Words of a slot: two of the heap, three of the index, whether it has less than half. */
const INDEX_WORD = 2;
const UNDERUSED_WORD = 5;
const STRIDE = 6;

export function localityWords(capacity: number): number {
  return SLOTS + STRIDE * capacity;
}

/** @param start the first of its words in the state, which reach to the end of it. */
export function locality(set: BackendSet, state: Int32Array, start: number, kernel: Kernel): Locality {
  const { active, inactive, weight, age } = set;
  const slots = start + SLOTS;
  const perActive = activeOverhead(kernel);
  const compare = (a: number, b: number): number => compareOverheads(set, perActive, a, b);
  const before = (a: number, b: number): boolean => {
    const difference = compare(a, b);
    return difference === 0 ? age[a]! > age[b]! : difference < 0;
  };
  const ranking: Ranking = {
    rule: "the smallest overhead per weight; of equal ones the newest",
    value: (slot) => (perActive * active[slot]! + inactive[slot]!) / weight[slot]!,
    meaning: `(${perActive} × active + inactive) / weight`,
  };
  const heap = bestFirst(set, state, before, ranking, undefined, {
    size: start + HEAP_SIZE,
    slots,
    stride: STRIDE,
  });
  const index = slotIndex(set, state, { heads: start + HEADS, slots: slots + INDEX_WORD, stride: STRIDE });

  const markUnderused = (slot: number, now: boolean): void => {
    const word = slots + STRIDE * slot + UNDERUSED_WORD;
    const mark = now ? 1 : 0;
    state[start + UNDERUSED]! += mark - state[word]!;
    state[word] = mark;
  };
  const countUnderused = (slot: number): void =>
    markUnderused(slot, holds(set, slot) && active[slot]! * 2 < weight[slot]!);
  const changed = (slot: number): void => {
    heap.loadChanged(slot);
    countUnderused(slot);
  };

  return {
    leastLoaded: heap.pick,
    explainLeastLoaded: heap.explain,
    tooLoaded: (slot) => active[slot]! > weight[slot]! && state[start + UNDERUSED]! > 0,
    slotOf: index.find,
    compare,
    ranking,
    hooks: {
      loadChanged: changed,
      added(slot) {
        index.added(slot);
        changed(slot);
      },
      removing(slot) {
        heap.removing(slot);
        markUnderused(slot, false);
      },
      reweighted: changed,
      rebuild() {
        heap.rebuild();
        index.rebuild();
        state[start + UNDERUSED] = 0;
        for (let slot = 0; slot < set.capacity; slot += 1) {
          state[slots + STRIDE * slot + UNDERUSED_WORD] = 0;
          countUnderused(slot);
        }
      },
    },
  };
}
