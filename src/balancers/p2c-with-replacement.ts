import { define } from "./definition.ts";
import { explainTwoChoices, type LessLoaded, pickOfTwo } from "./two-choices.ts";
import { numberedSlots, numberedSlotsWords } from "./numbered-slots.ts";

/**
 * Power of two choices with replacement: draw twice from all usable backends, keep the less loaded one. Load is
 * (active + 1) / weight; a tie keeps the first drawn. One backend may be drawn twice: even the most loaded of n gets
 * 1/n² of the flows, a ninth of three.
 *
 * O(1), two draws a pick. Source: Envoy's least request policy with N_CHOICES of 2, which compares active requests where
 * all weights are equal; where they are not, Envoy runs its EDF scheduler instead, and the weight is ours.
 */
export const p2cWithReplacement = define("p2c-with-replacement", {}, () => ({
  stateWords: (capacity) => numberedSlotsWords(capacity),
  create(set, state, random) {
    const slots = numberedSlots(set, state);
    const { active, weight } = set;
    // a/w < b/v ⇔ a·v < b·w for weights above 0: exact, both products stay below 2⁵³.
    const less: LessLoaded = (a, b) => (active[a]! + 1) * weight[b]! < (active[b]! + 1) * weight[a]!;
    const load = (slot: number): number => (active[slot]! + 1) / weight[slot]!;
    return {
      ...slots.hooks,
      algorithm: "p2c-with-replacement",
      pick: (_flow, nowMs) => pickOfTwo(slots, random, less, nowMs),
      explain: () => explainTwoChoices(slots, load, { replacement: true, meaning: "(active + 1) / weight" }),
    };
  },
}));
