import { listed, usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define } from "./definition.ts";
import { activeOverhead, type KernelOptions, kernelOption } from "./kernel.ts";
import { listTree, listTreeWords, sum } from "./list-tree.ts";
import { compareOverheads } from "./overhead.ts";

/**
 * Power of two choices as Linux has it: two draws by weight, which may give the same backend; the second one is taken
 * if its overhead / weight is smaller. The overhead is that of `wlc`.
 *
 * A draw is a whole number in [0, W], both ends included, where W is the sum of the weights of the usable backends; it
 * goes to the first backend up to which the weights of the list sum up to it. So the first in the list (the newest) is
 * drawn (w + 1) / (W + 1) of the time: 2/3 of the time of two equal backends, 1/2 of three, 18 % of ten.
 *
 * O(log n), as is every change. Source: Linux net/netfilter/ipvs/ip_vs_twos.c, which walks the list twice.
 */
export const twos = define<"twos", KernelOptions>("twos", { kernel: kernelOption }, ({ kernel }) => {
  const perActive = activeOverhead(kernel);
  return {
    stateWords: (capacity) => listTreeWords(capacity, 1),
    create(set, state, source) {
      const { weight } = set;
      const tree = listTree(set, state, [{ of: (slot) => (usable(set, slot) ? weight[slot]! : 0), join: sum }]);
      /** Nothing of it outlasts a pick. */
      const drawn = new Int32Array(2);
      return {
        algorithm: "twos",
        pick() {
          const weights = tree.total(0);
          if (weights === 0) return NO_BACKEND;
          // 0 belongs to the first one, as 1 does.
          drawn[0] = Math.max(source.below(weights + 1), 1);
          drawn[1] = Math.max(source.below(weights + 1), 1);
          tree.atSums(drawn);
          const first = drawn[0]!;
          const second = drawn[1]!;
          return compareOverheads(set, perActive, second, first) < 0 ? second : first;
        },
        loadChanged: tree.loadChanged,
        added: tree.added,
        removing: tree.removing,
        reweighted: tree.changed,
        rebuild: tree.rebuild,
        explain() {
          const slots = listed(set).filter((slot) => usable(set, slot));
          const weights = tree.total(0);
          const numbers = (slot: number): number => weight[slot]! + (slot === slots[0] ? 1 : 0);
          return {
            slot: slots.length === 0 ? NO_BACKEND : slots.length === 1 ? slots[0] : undefined,
            rule: "two draws by weight; the second only if its overhead per weight is smaller",
            candidates: slots.map((slot) => ({
              slot,
              value: numbers(slot) / (weights + 1),
              meaning: "chance of one draw",
            })),
          };
        },
      };
    },
  };
});
