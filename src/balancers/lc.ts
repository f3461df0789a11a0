import { bestFirst, bestFirstWords } from "./best-first.ts";
import { define } from "./definition.ts";
import { activeOverhead, type KernelOptions, kernelOption } from "./kernel.ts";

/**
 * Least connection: the smallest 257 × active + inactive (256 × in kernel 6.1.176); the first in the list (the newest
 * backend) wins ties. Weights count only as 0 or not 0.
 *
 * O(1), a change O(log n). Source: Linux net/netfilter/ipvs/ip_vs_lc.c, which scans the list.
 */
export const lc = define<"lc", KernelOptions>("lc", { kernel: kernelOption }, ({ kernel }) => {
  const perActive = activeOverhead(kernel);
  return {
    stateWords: bestFirstWords,
    create(set, state) {
      const { active, inactive, age } = set;
      const overhead = (slot: number): number => perActive * active[slot]! + inactive[slot]!;
      const before = (a: number, b: number): boolean => {
        const difference = perActive * (active[a]! - active[b]!) + (inactive[a]! - inactive[b]!);
        return difference === 0 ? age[a]! > age[b]! : difference < 0;
      };
      return {
        algorithm: "lc",
        ...bestFirst(set, state, before, {
          rule: "the smallest overhead; of equal ones the newest",
          value: overhead,
          meaning: `${perActive} × active + inactive`,
        }),
      };
    },
  };
});
