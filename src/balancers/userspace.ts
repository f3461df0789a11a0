import { usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define } from "./definition.ts";
import { numberedSlots, numberedSlotsWords } from "./numbered-slots.ts";

/** State word 0: how many of the turn are drawn; word 1: how many of them had theirs in this turn. Then the numbering. */
const DRAWN = 0;
const SERVED = 1;
const NUMBERS = 2;

/**
 * Round robin as kube-proxy's userspace mode had it, up to Kubernetes 1.25: in a random order, every order as likely,
 * which is another one after each change of the set of backends; the turn begins anew then. Weights count only as 0 or
 * not 0: who may take no flow keeps his place and is passed over.
 *
 * kube-proxy shuffles the whole list at each change. Here the order is drawn as far as it is needed, one backend a pick.
 *
 * O(1), as is every change; O(n) past backends that are not usable.
 * Source: Kubernetes pkg/proxy/userspace/roundrobin.go. The shuffle: Fisher and Yates.
 */
export const userspace = define("userspace", {}, () => ({
  stateWords: (capacity) => NUMBERS + numberedSlotsWords(capacity),
  create(set, state, random) {
    const order = numberedSlots(set, state.subarray(NUMBERS), { admits: () => true });
    /** Where the turn goes on from the nth place; it may be one that is not drawn yet. */
    const place = (nth: number): number => (nth === order.count() ? 0 : nth);
    const restart = (): void => {
      state[DRAWN] = 0;
      state[SERVED] = 0;
    };
    return {
      algorithm: "userspace",
      pick() {
        const count = order.count();
        let at = state[SERVED]!;
        for (let left = count; left > 0; left -= 1) {
          at = place(at);
          if (at === state[DRAWN]) {
            order.swap(at, at + random.below(count - at));
            state[DRAWN] = at + 1;
          }
          const slot = order.at(at);
          at += 1;
          if (!usable(set, slot)) continue;
          state[SERVED] = at;
          return slot;
        }
        return NO_BACKEND;
      },
      loadChanged() {},
      reweighted() {},
      added(slot) {
        order.hooks.added(slot);
        restart();
      },
      removing(slot) {
        order.hooks.removing(slot);
        restart();
      },
      rebuild() {
        order.hooks.rebuild();
        state[DRAWN] = Math.min(state[DRAWN]!, order.count());
        state[SERVED] = Math.min(state[SERVED]!, state[DRAWN]!);
      },
      explain() {
        const count = order.count();
        const turn = Array.from({ length: count }, (_, nth) => (state[SERVED]! + nth) % count);
        const isDrawn = (at: number): boolean => at < state[DRAWN]!;
        const following = turn.find((at) => !isDrawn(at) || usable(set, order.at(at)));
        const undrawn = turn.filter((at) => !isDrawn(at) && usable(set, order.at(at))).map(order.at);
        if (following !== undefined && !isDrawn(following) && undrawn.length > 0) {
          return {
            slot: undrawn.length === 1 ? undrawn[0] : undefined,
            rule: "the next one in a random order: all usable ones whose place is not drawn yet are as likely",
            candidates: undrawn.map((slot) => ({ slot, value: 1 / undrawn.length, meaning: "chance" })),
          };
        }
        const drawn = turn.find((at) => isDrawn(at) && usable(set, order.at(at)));
        return {
          slot: drawn === undefined ? NO_BACKEND : order.at(drawn),
          rule: "the next usable one behind the one picked last, in a random order that stays",
          candidates: [],
        };
      },
    };
  },
}));
