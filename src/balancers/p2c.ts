import { define } from "./definition.ts";
import { explainTwoChoices, type LessLoaded, pickOfTwoDifferent } from "./two-choices.ts";
import { numberedSlots, numberedSlotsWords } from "./numbered-slots.ts";

/**
 * Power of two choices: draw two different usable backends, keep the less loaded one. Load is (active + 1) / weight; a
 * tie keeps the first drawn. The most loaded of several is never picked, as it is never drawn alone. All usable
 * backends are drawn as often, whatever their weight: weight counts in the comparison only.
 *
 * O(1), two draws a pick. Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS
 * 12(10), 2001, in the variant of linkerd and Finagle, which draw without replacement. The weight is ours.
 */
export const p2c = define("p2c", {}, () => ({
  stateWords: (capacity) => numberedSlotsWords(capacity),
  create(set, state, random) {
    const slots = numberedSlots(set, state);
    const { active, weight } = set;
    // a/w < b/v ⇔ a·v < b·w for weights above 0: exact, both products stay below 2⁵³.
    const less: LessLoaded = (a, b) => (active[a]! + 1) * weight[b]! < (active[b]! + 1) * weight[a]!;
    const load = (slot: number): number => (active[slot]! + 1) / weight[slot]!;
    return {
      ...slots.hooks,
      algorithm: "p2c",
      pick: (_flow, nowMs) => pickOfTwoDifferent(slots, random, less, nowMs),
      explain: () => explainTwoChoices(slots, load, { replacement: false, meaning: "(active + 1) / weight" }),
    };
  },
}));
