import { listed } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define } from "./definition.ts";
import { flowHash } from "./flow-hash.ts";
import { absorbIdentity, compareIdentities } from "./identity-order.ts";
import { type FlowHashOptions, flowHashOptions, loadBound, loadBoundWords } from "./load-bound.ts";
import { finish } from "./murmur3.ts";

/**
 * Rendezvous hashing (highest random weight), weighted: every backend has a score for a flow, −weight / ln u, where u
 * in (0, 1) is a hash of the flow's key and of who the backend is; the highest score is picked. Shares follow the
 * weights exactly, and when a backend leaves, or gets another weight, no flow moves but those that it had or is to have.
 * Of equal scores the first in the order of identities wins.
 *
 * O(n) a pick, the only one here; no table, no build. Source: Thaler and Ravishankar, "Using Name-Based Mappings to
 * Increase Hit Rates", IEEE/ACM ToN 6(1), 1998; the logarithm: Schindelhauer and Schomaker, "Weighted Distributed Hash
 * Tables", SPAA 2005. The hash (MurmurHash3) is ours.
 */
export const rendezvous = define<"rendezvous", FlowHashOptions>(
  "rendezvous",
  { ...flowHashOptions },
  ({ flowKey, hashBalanceFactor }) => {
    const hashOf = flowHash(flowKey);
    return {
      stateWords: loadBoundWords,
      create(set, state) {
        const { capacity, next, weight } = set;
        const bound = loadBound(set, state, () => 0, hashBalanceFactor);
        /** Its last bit, and all bits below, are a half: never 0 and never 1. */
        const unit = (flow: number, slot: number): number =>
          ((finish(absorbIdentity(set, flow, slot), 2) >>> 0) + 0.5) / 2 ** 32;
        return {
          algorithm: "rendezvous",
          pick(flow) {
            const hash = hashOf(flow);
            let best = NO_BACKEND;
            let least = Infinity;
            for (let slot = next[capacity]!; slot !== capacity; slot = next[slot]!) {
              if (!bound.admits(slot)) continue;
              const u = unit(hash, slot);
              // −ln u is above 1 − u: mostly that is enough to know that it is not the least.
              if ((1 - u) / weight[slot]! > least) continue;
              const cost = -Math.log(u) / weight[slot]!;
              if (cost > least || (cost === least && compareIdentities(set, best, slot) < 0)) continue;
              best = slot;
              least = cost;
            }
            return best;
          },
          loadChanged: bound.changed,
          added: bound.changed,
          removing: bound.removing,
          reweighted: bound.changed,
          rebuild: bound.rebuild,
          explain(flow) {
            const hash = hashOf(flow);
            const ranked = listed(set)
              .filter((slot) => weight[slot]! > 0)
              .map((slot) => ({ slot, cost: -Math.log(unit(hash, slot)) / weight[slot]! }))
              .sort((a, b) => a.cost - b.cost || compareIdentities(set, a.slot, b.slot));
            return {
              slot: ranked.find(({ slot }) => bound.admits(slot))?.slot ?? NO_BACKEND,
              rule: "the highest score of those that may take one more",
              candidates: ranked.map(({ slot, cost }) => ({
                slot,
                value: 1 / cost,
                meaning: `score −weight / ln u; ${bound.standing(slot)}`,
              })),
            };
          },
        };
      },
    };
  },
);
