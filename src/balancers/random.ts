import { listed, usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define } from "./definition.ts";
import { usableTree, usableTreeWords } from "./usable-tree.ts";

/**
 * Uniform random among the usable backends, one draw a pick. Weights count only as 0 or not 0.
 *
 * It is what kube-proxy's nftables mode does: `numgen random mod n`, for which the kernel scales 32 random bits to n
 * numbers, so that some of them come up in one of 2³² draws more than others. kube-proxy's iptables mode is
 * `iptables-random`.
 *
 * O(log n), as is every change.
 * Source: Kubernetes pkg/proxy/nftables/proxier.go; Linux net/netfilter/nft_numgen.c.
 */
export const random = define("random", {}, () => ({
  stateWords: usableTreeWords,
  create(set, state, source) {
    const tree = usableTree(set, state);
    return {
      algorithm: "random",
      pick() {
        const choices = tree.total(0);
        return choices === 0 ? NO_BACKEND : tree.atSum(1 + Math.floor((source.u32() * choices) / 2 ** 32));
      },
      loadChanged: tree.loadChanged,
      added: tree.added,
      removing: tree.removing,
      reweighted: tree.changed,
      rebuild: tree.rebuild,
      explain() {
        const slots = listed(set).filter((slot) => usable(set, slot));
        return {
          slot: slots.length === 0 ? NO_BACKEND : undefined,
          rule: "chance: all usable ones are as likely",
          candidates: slots.map((slot) => ({ slot, value: 1 / slots.length, meaning: "chance" })),
        };
      },
    };
  },
}));
