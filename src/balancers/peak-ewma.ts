import { define, numberOption } from "./definition.ts";
import { explainTwoChoices, type LessLoaded, pickOfTwoDifferent } from "./two-choices.ts";
import { numberedSlots, numberedSlotsWords } from "./numbered-slots.ts";

/** Words a slot: two of the numbering, then two doubles: the cost, and when it was last seen. */
const STRIDE = 6;
/** What a busy backend is charged before its first answer: Finagle's 2⁴⁷ − 1 ns, 39 hours. */
const PENALTY_MS = (2 ** 47 - 1) / 1e6;
const LONGEST_MS = 1e9;

/** Options of `peak-ewma`. */
export interface PeakEwmaOptions {
  /** Mean life of a cost, in milliseconds: a number in 1…10⁹. @default 10000, as in Finagle and linkerd */
  readonly decayMs?: number;
  /** What a failed flow costs at least, in milliseconds: a number in 0…10⁹. @default 5000, as linkerd's load biaser */
  readonly failureMs?: number;
}

/**
 * Peak EWMA: of two different usable backends that chance draws, the one with the smaller load, which is
 * cost × (active + 1) / weight; a tie keeps the first drawn. Cost is a moving average of the latencies that `observed`
 * tells of: one above it replaces it at once; one below it leaves it at cost × e^(−t/decayMs) + latency ×
 * (1 − e^(−t/decayMs)), where t is the time since the cost was last looked at. A backend that is drawn is looked at as
 * if with a latency of 0, so that one that was slow is tried again some time. A backend without any cost yet is free
 * while idle; with active connections it is charged 39 hours, so that it gets one flow, and no second one before the
 * first answer.
 *
 * A flow that failed counts as one of at least `failureMs`: a backend that fails at once is not a quick one.
 *
 * O(1), two draws and two exponentials a pick. Source: Finagle's PeakEwma (cost, penalty, decay) over its P2C; linkerd
 * charges failures 5 s. The weight is ours.
 */
export const peakEwma = define<"peak-ewma", PeakEwmaOptions>(
  "peak-ewma",
  {
    decayMs: numberOption(10_000, 1, LONGEST_MS),
    failureMs: numberOption(5000, 0, LONGEST_MS),
  },
  ({ decayMs, failureMs }) => ({
    stateWords: (capacity) => numberedSlotsWords(capacity, STRIDE),
    create(set, state, random) {
      const slots = numberedSlots(set, state, { stride: STRIDE });
      const { active, weight } = set;
      const doubles = new Float64Array(state.buffer, state.byteOffset, state.length >> 1);
      const costAt = (slot: number): number => 2 + (STRIDE / 2) * slot;
      const observe = (slot: number, latencyMs: number, nowMs: number): void => {
        const at = costAt(slot);
        const kept = Math.exp(-Math.max(nowMs - doubles[at + 1]!, 0) / decayMs);
        const cost = doubles[at]!;
        doubles[at] = latencyMs > cost ? latencyMs : cost * kept + latencyMs * (1 - kept);
        doubles[at + 1] = nowMs;
      };
      const charge = (slot: number, cost: number): number =>
        (cost === 0 && active[slot]! > 0 ? PENALTY_MS + active[slot]! : cost * (active[slot]! + 1)) / weight[slot]!;
      /** Nothing of it outlasts a pick. A function that returned a double might allocate. */
      const charges = new Float64Array(2);
      const look = (slot: number, nowMs: number, at: number): void => {
        observe(slot, 0, nowMs);
        charges[at] = charge(slot, doubles[costAt(slot)]!);
      };
      const less: LessLoaded = (slot, other, nowMs) => {
        look(slot, nowMs, 0);
        look(other, nowMs, 1);
        return charges[0]! < charges[1]!;
      };
      return {
        ...slots.hooks,
        algorithm: "peak-ewma",
        added(slot) {
          doubles[costAt(slot)] = 0;
          slots.hooks.added(slot);
        },
        pick: (_flow, nowMs) => pickOfTwoDifferent(slots, random, less, nowMs),
        observed: (slot, latencyMs, nowMs, failed) =>
          observe(slot, failed ? Math.max(latencyMs, failureMs) : latencyMs, nowMs),
        explain(_flow, nowMs) {
          const load = (slot: number): number => {
            const at = costAt(slot);
            return charge(slot, doubles[at]! * Math.exp(-Math.max(nowMs - doubles[at + 1]!, 0) / decayMs));
          };
          return explainTwoChoices(slots, load, { replacement: false, meaning: "cost in ms × (active + 1) / weight" });
        },
      };
    },
  }),
);
