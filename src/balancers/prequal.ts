import { usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define, numberOption, wholeOption } from "./definition.ts";
import { probePool, probePoolWords } from "./probe-pool.ts";
import { recentQuantile, recentQuantileWords } from "./recent-quantile.ts";
import { numberedSlots, numberedSlotsWords } from "./numbered-slots.ts";

/** Words in front: two doubles, what of removals and of uses was rounded off and is carried over; whose turn it is. */
const HEADER = 6;
const REMOVALS = 0;
const USES = 1;
const WORST_IS_NEXT = 4;
/** How many answers the distribution of requests in flight is estimated from. The paper names no number. */
const RECENT = 128;
/** The paper's δ: how much faster than they are used up probes may come in. */
const NET_RATE = 1;
/** With fewer answers chance decides: one is no choice. */
const FEWEST = 2;

/** Options of `prequal`. */
export interface PrequalOptions {
  /** How many answers are kept, a whole number in 2…1024. @default 16, as in the paper */
  readonly poolSize?: number;
  /** For how long an answer counts, a number in 1…10⁹. @default 1000, as in the paper */
  readonly maxAgeMs?: number;
  /**
   * Which part of the last answers had no more requests in flight than a cold backend: a number in 0…1. 0: only the
   * requests in flight count; 1: only latencies.
   * @default 0.84, as in the paper
   */
  readonly hotQuantile?: number;
  /** How many probes the caller sends for each pick, a number in 0.01…100. @default 3, as in the paper */
  readonly probesPerPick?: number;
  /** How many answers go after each pick, a number in 0…100. @default 1, as in the paper */
  readonly removesPerPick?: number;
}

/**
 * Prequal's hot-cold rule: of the backends that answered a probe lately, the one with the smallest latency among the cold
 * ones; where all are hot, the one with the fewest requests in flight. Hot is who has more in flight than the
 * `hotQuantile` of the last 128 answers. With fewer than two answers a random usable backend. Of equals the one that
 * answered first. Weights count only as 0 or not 0.
 *
 * The caller sends the probes, some random backends for each pick, and gives the answers to `probed`. The pool keeps
 * `poolSize` of them: a backend's newest one, none older than `maxAgeMs`, each for so many picks as it takes that the pool
 * neither runs dry nor gets stale: max(1, 2 / ((1 − poolSize / usable backends) × probesPerPick − removesPerPick)), any
 * number where that rate is not above 0. A pick counts itself into the answer that it used. After each pick
 * `removesPerPick` answers go, the oldest and the worst in turn: the worst is the hot one with the most in flight, or if
 * none is hot the one with the largest latency.
 *
 * O(pool size) a pick, O(1) or, for a probe, O(128) a change. Source: Wydrowski et al., "Load is not what you should
 * balance: Introducing Prequal", NSDI 2024, sections 3 and 4. Left out: sending probes, what a backend measures to answer
 * them, the synchronous mode, and the guard against backends that fail quickly, which the paper does not describe. Where
 * the paper rounds at random, fractions are carried over.
 */
export const prequal = define<"prequal", PrequalOptions>(
  "prequal",
  {
    poolSize: wholeOption(16, FEWEST, 1024),
    maxAgeMs: numberOption(1000, 1, 1e9),
    hotQuantile: numberOption(0.84, 0, 1),
    probesPerPick: numberOption(3, 0.01, 100),
    removesPerPick: numberOption(1, 0, 100),
  },
  ({ poolSize, maxAgeMs, hotQuantile, probesPerPick, removesPerPick }) => {
    const recentAt = HEADER + probePoolWords(poolSize);
    const slotsAt = recentAt + recentQuantileWords(RECENT);
    return {
      stateWords: (capacity) => slotsAt + numberedSlotsWords(capacity),
      create(set, state, random) {
        const carried = new Float64Array(state.buffer, state.byteOffset, 2);
        const pool = probePool(state.subarray(HEADER, recentAt), poolSize);
        const recent = recentQuantile(state.subarray(recentAt, slotsAt), RECENT);
        const slots = numberedSlots(set, state.subarray(slotsAt));
        const counts = (probe: number, nowMs: number): boolean =>
          nowMs - pool.receivedMsOf(probe) <= maxAgeMs && usable(set, pool.slotOf(probe));
        const isHot = (probe: number): boolean => pool.inFlightOf(probe) > recent.quantile(hotQuantile)!;
        /** Whether probe a is better than probe b by the rule. */
        const better = (a: number, b: number): boolean => {
          if (isHot(a) !== isHot(b)) return isHot(b);
          if (isHot(a)) return pool.inFlightOf(a) < pool.inFlightOf(b);
          return pool.latencyMsOf(a) < pool.latencyMsOf(b);
        };
        /** The probe to go by, or −1 where there are too few. */
        const best = (nowMs: number): number => {
          let found = -1;
          let choices = 0;
          for (let probe = 0; probe < pool.count(); probe += 1) {
            if (!counts(probe, nowMs)) continue;
            choices += 1;
            if (found < 0 || better(probe, found)) found = probe;
          }
          return choices < FEWEST ? -1 : found;
        };
        const worst = (): number => {
          let found = 0;
          for (let probe = 1; probe < pool.count(); probe += 1) if (better(found, probe)) found = probe;
          return found;
        };
        const removeSome = (nowMs: number): void => {
          while (pool.count() > 0 && nowMs - pool.receivedMsOf(0) > maxAgeMs) pool.drop(0);
          carried[REMOVALS]! += removesPerPick;
          for (; carried[REMOVALS]! >= 1; carried[REMOVALS]! -= 1) {
            if (pool.count() > 0) pool.drop(state[WORST_IS_NEXT] === 1 ? worst() : 0);
            state[WORST_IS_NEXT] = 1 - state[WORST_IS_NEXT]!;
          }
        };
        const usesOfProbe = (): number => {
          const rate = (1 - poolSize / Math.max(slots.count(), 1)) * probesPerPick - removesPerPick;
          if (rate <= 0) return Infinity;
          const uses = carried[USES]! + Math.max(1, (1 + NET_RATE) / rate);
          carried[USES] = uses - Math.floor(uses);
          return Math.floor(uses);
        };
        return {
          ...slots.hooks,
          algorithm: "prequal",
          pick(_flow, nowMs) {
            const probe = best(nowMs);
            if (probe < 0) return slots.count() === 0 ? NO_BACKEND : slots.at(random.below(slots.count()));
            const slot = pool.slotOf(probe);
            pool.use(probe);
            removeSome(nowMs);
            return slot;
          },
          probed(slot, inFlight, latencyMs, nowMs) {
            pool.put(slot, inFlight, latencyMs, nowMs, usesOfProbe());
            recent.add(inFlight);
          },
          removing(slot) {
            pool.forget(slot);
            slots.hooks.removing(slot);
          },
          explain(_flow, nowMs) {
            const probe = best(nowMs);
            const probes = Array.from({ length: pool.count() }, (_, probe) => probe).filter((one) =>
              counts(one, nowMs),
            );
            const only = slots.count() === 1 ? slots.at(0) : undefined;
            const byChance = slots.count() === 0 ? NO_BACKEND : only;
            return {
              slot: probe < 0 ? byChance : pool.slotOf(probe),
              rule:
                probe < 0
                  ? "fewer than two backends answered a probe lately: chance, all usable ones are as likely"
                  : "the smallest latency among the cold ones, else the fewest requests in flight",
              candidates: probes.map((one) =>
                isHot(one)
                  ? { slot: pool.slotOf(one), value: pool.inFlightOf(one), meaning: "requests in flight; hot" }
                  : { slot: pool.slotOf(one), value: pool.latencyMsOf(one), meaning: "latency in ms; cold" },
              ),
            };
          },
        };
      },
    };
  },
);
