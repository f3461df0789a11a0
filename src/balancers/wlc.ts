import { bestFirst, bestFirstWords } from "./best-first.ts";
import { define } from "./definition.ts";
import { activeOverhead, type KernelOptions, kernelOption } from "./kernel.ts";
import { compareOverheads } from "./overhead.ts";

/**
 * Weighted least connection, the default of ipvsadm: the smallest overhead / weight, where the overhead is 257 × active
 * + inactive (256 × in kernel 6.1.176); the first in the list (the newest backend) wins ties. Idle backends all tie at
 * 0, so the newest of them is next whatever its weight.
 *
 * O(1), a change O(log n). Source: Linux net/netfilter/ipvs/ip_vs_wlc.c, which scans the list.
 */
export const wlc = define<"wlc", KernelOptions>("wlc", { kernel: kernelOption }, ({ kernel }) => {
  const perActive = activeOverhead(kernel);
  return {
    stateWords: bestFirstWords,
    create(set, state) {
      const { active, inactive, weight, age } = set;
      const before = (a: number, b: number): boolean => {
        const difference = compareOverheads(set, perActive, a, b);
        return difference === 0 ? age[a]! > age[b]! : difference < 0;
      };
      return {
        algorithm: "wlc",
        ...bestFirst(set, state, before, {
          rule: "the smallest overhead per weight; of equal ones the newest",
          value: (slot) => (perActive * active[slot]! + inactive[slot]!) / weight[slot]!,
          meaning: `(${perActive} × active + inactive) / weight`,
        }),
      };
    },
  };
});
