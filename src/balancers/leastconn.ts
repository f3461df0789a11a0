import { holds, MAX_WEIGHT, usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define, wholeOption } from "./definition.ts";
import { slotQueue, slotQueueWords } from "./slot-queue.ts";

/** Options of `leastconn`. */
export interface LeastconnOptions {
  /**
   * The scale of the keys, a whole number in 1…65535: a backend of this weight has active + 1 as its key. HAProxy knows no larger weights; a
   * backend that has one makes fewer steps than connections.
   * @default 256, as in HAProxy
   */
  readonly maxWeight?: number;
}

/**
 * Least connections as HAProxy defines it: the smallest key, which is 0 for a backend without active connections and
 * ⌊(active + 1) × maxWeight / weight⌋ for all others. So every idle backend comes before every busy one, whatever the
 * weights. Backends of one key take turns: whoever gets a key stands behind those that have it, and whoever is picked
 * goes behind them, too, so that flows that do not count as active (all of UDP) go round.
 *
 * It is IPVS's `nq` but for the turns and for the rounding.
 *
 * O(log n), as is every change. Source: HAProxy's `balance leastconn` (src/lb_fwlc.c) up to version 3.1, whose tree keeps
 * equal keys in the order in which they came; later versions shuffle them. HAProxy counts queued requests in with
 * the active ones; here nothing queues.
 */
export const leastconn = define<"leastconn", LeastconnOptions>(
  "leastconn",
  {
    maxWeight: wholeOption(256, 1, MAX_WEIGHT),
  },
  ({ maxWeight }) => ({
    stateWords: slotQueueWords,
    create(set, state) {
      const { active, weight } = set;
      const queue = slotQueue(set, state, 0, {
        rule: "the smallest key; those of equal keys in turn",
        meaning: `0 if idle, else ⌊(active + 1) × ${maxWeight} / weight⌋`,
      });
      const { keys, at } = queue;
      /** @returns whether the slot is to stand elsewhere in line. */
      const rekey = (slot: number): boolean => {
        const key = active[slot] === 0 ? 0 : Math.floor(((active[slot]! + 1) * maxWeight) / weight[slot]!);
        if (queue.waits(slot) && keys[at(slot)] === key) return false;
        keys[at(slot)] = key;
        return true;
      };
      const changed = (slot: number): void => {
        if (!holds(set, slot) || !usable(set, slot)) queue.drop(slot);
        else if (rekey(slot)) queue.put(slot);
      };
      return {
        algorithm: "leastconn",
        pick() {
          const slot = queue.first();
          if (slot !== NO_BACKEND) queue.put(slot);
          return slot;
        },
        loadChanged: changed,
        added: changed,
        removing: queue.drop,
        reweighted: changed,
        rebuild: () => queue.rebuild(rekey),
        explain: queue.explain,
      };
    },
  }),
);
