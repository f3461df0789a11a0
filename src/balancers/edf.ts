import { holds, usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { choiceOption, define } from "./definition.ts";
import { slotQueue, slotQueueWords } from "./slot-queue.ts";

/** Words in front: the time, a double: the deadline picked last. The rest of the state is the queue. */
const TIME_WORDS = 2;

/** Options of `edf`. */
export interface EdfOptions {
  /**
   * Where in its turn a backend starts: with a whole turn to wait, or with a random part of one.
   * @default "aligned"
   */
  readonly start?: "aligned" | "random";
}

/**
 * Earliest deadline first: weighted round robin as Envoy does it. Every usable backend has a deadline; the earliest is
 * picked, its deadline becomes the time, and its next one is that time plus 1 / weight. Of equal deadlines the one
 * that was set first is picked first. All in doubles, as Envoy computes it.
 *
 * A backend that is added, or usable again, gets the time plus 1 / weight as its deadline; with `start` "random" a
 * random part of 1 / weight, so that balancers that start together do not all pick the same backends together. A new
 * weight counts from the next pick of its backend on.
 *
 * O(log n), as is every change. Source: Envoy's EdfScheduler, the bare one. Envoy makes a new one when its hosts change,
 * and runs it a random number of picks ahead to the same end as `start`; gRPC draws first deadlines.
 */
export const edf = define<"edf", EdfOptions>(
  "edf",
  {
    start: choiceOption<"aligned" | "random">("aligned", ["aligned", "random"]),
  },
  ({ start }) => ({
    stateWords: (capacity) => TIME_WORDS + slotQueueWords(capacity),
    create(set, state, random) {
      const { weight } = set;
      const queue = slotQueue(set, state, TIME_WORDS, {
        rule: "the earliest deadline; of equal ones the one that was set first",
        meaning: "deadline",
      });
      const { keys: deadlines, at } = queue;
      const time = new Float64Array(state.buffer, state.byteOffset, 1);
      const setFirstDeadline = (slot: number): void => {
        const part = start === "random" ? (random.u32() + 1) / 2 ** 32 : 1;
        deadlines[at(slot)] = time[0]! + part / weight[slot]!;
      };
      const changed = (slot: number): void => {
        if (!holds(set, slot) || !usable(set, slot)) return queue.drop(slot);
        if (queue.waits(slot)) return;
        setFirstDeadline(slot);
        queue.put(slot);
      };
      return {
        algorithm: "edf",
        pick() {
          const slot = queue.first();
          if (slot === NO_BACKEND) return NO_BACKEND;
          time[0] = deadlines[at(slot)]!;
          deadlines[at(slot)] = time[0]! + 1 / weight[slot]!;
          queue.put(slot);
          return slot;
        },
        loadChanged: changed,
        added: changed,
        removing: queue.drop,
        reweighted: changed,
        rebuild: () =>
          queue.rebuild((slot) => {
            const isNew = !queue.waits(slot);
            if (isNew) setFirstDeadline(slot);
            return isNew;
          }),
        explain: queue.explain,
      };
    },
  }),
);
