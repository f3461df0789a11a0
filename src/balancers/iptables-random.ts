import { type BackendSet, listed, usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define } from "./definition.ts";
import { CERTAIN, shareThreshold } from "./share-threshold.ts";
import { usableTree, usableTreeWords } from "./usable-tree.ts";

/**
 * Random as kube-proxy's iptables mode has it: a chain of rules, one a usable backend. Where n rules are left, the
 * first of them takes the flow with the probability 1/n, as the kernel compares it: a whole number of 2³¹sts, from a
 * text of ten decimals. The last rule takes whatever is left. Weights count only as 0 or not 0.
 *
 * The rules stand in the order of adding: the first one is that of the oldest backend. The shares differ from 1/n by
 * less than 3 × 10⁻¹⁰ up to 100 backends. One draw of 53 bits a pick in place of the kernel's one a rule, for the
 * same shares.
 *
 * O(log n), as is every change.
 * Source: Kubernetes pkg/proxy/iptables/proxier.go, which prints the probabilities; iptables' libxt_statistic.c, which
 * rounds them; Linux net/netfilter/xt_statistic.c, which compares them with 31 random bits.
 */
export const iptablesRandom = define("iptables-random", {}, () => ({
  stateWords: usableTreeWords,
  create(set, state, source) {
    const tree = usableTree(set, state);
    const reached = chancesOfPassing(set.capacity);
    /** How many rules are left where the flow is taken: the fewest that it reaches with a chance above the draw. */
    const left = (draw: number, rules: number): number => {
      let left = Math.max(Math.ceil(draw * rules), 1);
      while (left > 1 && draw * reached[left - 1]! < reached[rules]!) left -= 1;
      while (left < rules && draw * reached[left]! >= reached[rules]!) left += 1;
      return left;
    };
    const arrives = (rules: number, left: number): number => (left === 0 ? 0 : reached[rules]! / reached[left]!);
    return {
      algorithm: "iptables-random",
      pick() {
        const rules = tree.total(0);
        if (rules === 0) return NO_BACKEND;
        const draw = ((source.u32() >>> 5) * 2 ** 26 + (source.u32() >>> 6)) / 2 ** 53;
        return tree.atSum(left(draw, rules));
      },
      loadChanged: tree.loadChanged,
      added: tree.added,
      removing: tree.removing,
      reweighted: tree.changed,
      rebuild: tree.rebuild,
      explain() {
        const slots = usableOldestFirst(set);
        const rules = slots.length;
        return {
          slot: rules === 0 ? NO_BACKEND : rules === 1 ? slots[0] : undefined,
          rule: "chance: the rules in turn, the oldest backend's first",
          candidates: slots.map((slot, index) => ({
            slot,
            value: arrives(rules, rules - index) - arrives(rules, rules - index - 1),
            meaning: "chance",
          })),
        };
      },
    };
  },
}));

/**
 * By n: the chance that a flow passes by all but the last of n rules. It is reached(n) / reached(m) likely that one
 * gets as far as where m of n rules are left.
 */
function chancesOfPassing(capacity: number): Float64Array {
  const reached = new Float64Array(capacity + 1).fill(1);
  for (let n = 2; n <= capacity; n += 1) reached[n] = reached[n - 1]! * (1 - shareThreshold(n) / CERTAIN);
  return reached;
}

function usableOldestFirst(set: BackendSet): number[] {
  return listed(set)
    .filter((slot) => usable(set, slot))
    .reverse();
}
