import type { Kernel } from "../../balancers/kernel.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import { type Difference, differencesOf } from "./differences.ts";
import { Playback } from "./playback.ts";
import { play } from "./replayed.ts";
import { twosLaw } from "./twos-law.ts";
import type { Outcome, Vector } from "./vector.ts";

/** How likely picks are that chance made. */
export interface Likelihood {
  readonly picks: number;
  /**
   * By how many standard deviations ln P of all picks is above what such picks have in the mean. If they follow the law
   * it is a normal variable to the first order (martingale central limit theorem).
   */
  readonly z: number;
}

/** Picks that follow the law are further off once in 16,000 times. */
const MOST_DEVIATIONS = 4;

export function isLikely({ z }: Likelihood): boolean {
  return Math.abs(z) <= MOST_DEVIATIONS;
}

/** ln P of some picks, with what it has in the mean and how much it varies. */
interface Sums {
  picks: number;
  logP: number;
  mean: number;
  variance: number;
}

/**
 * Looks at recorded picks of the scheduler twos, the only random one: whether each was possible when it was made, after
 * all that was recorded before, and how likely they are together. Whatever is not left to chance is compared as usual.
 */
export function judgeChance(
  vector: Vector,
  runs: readonly Outcome[],
  kernel: Kernel,
): { readonly differences: readonly Difference[]; readonly likelihood: Likelihood } {
  const sums: Sums = { picks: 0, logP: 0, mean: 0, variance: 0 };
  const differences = runs.flatMap((recorded, run) => retrace(vector, recorded, run, kernel, sums));
  const { picks, logP, mean, variance } = sums;
  return { differences, likelihood: { picks, z: variance === 0 ? 0 : (logP - mean) / Math.sqrt(variance) } };
}

/** Goes the way that was recorded: has the scheduler make each recorded pick that it could make. */
function retrace(vector: Vector, recorded: Outcome, run: number, kernel: Kernel, sums: Sums): Difference[] {
  const steered = steeredRandom();
  const playback = new Playback(vector, kernel, steered);
  const possible = new Map<string, readonly number[]>();
  const next = { open: 0, packet: 0 };

  const replayed = play(vector, playback, (event) => {
    const index = next[event.op]++;
    const what = event.op === "open" ? "picks" : "packetPicks";
    if (playback.service.settings.scheduler !== "twos") return playback.pick(event);
    const { chances, draws } = twosLaw(playback.service.servers.set, kernel);
    const slot = playback.slotOf(recorded[what]?.[index]);
    steered.next(draws.get(slot));
    const picked = playback.pick(event);
    const chance = chances.get(slot);
    if (steered.drawn && chance !== undefined) weigh(sums, chance, [...chances.values()]);
    if (steered.drawn && chance === undefined) possible.set(`${what} ${index}`, playback.idsAt([...chances.keys()]));
    return picked;
  });
  return differencesOf(vector, recorded, replayed, { run, possible });
}

function weigh(sums: Sums, chance: number, chances: readonly number[]): void {
  const mean = chances.reduce((sum, p) => sum + p * Math.log(p), 0);
  sums.picks += 1;
  sums.logP += Math.log(chance);
  sums.mean += mean;
  sums.variance += chances.reduce((sum, p) => sum + p * (Math.log(p) - mean) ** 2, 0);
}

interface SteeredRandom extends Random {
  /** What to draw from now on; undefined: whatever comes. */
  next(draw: number | undefined): void;
  /** Whether anything was drawn since. */
  readonly drawn: boolean;
}

function steeredRandom(): SteeredRandom {
  const random = seededRandom(1);
  let draw: number | undefined;
  let drawn = false;
  return {
    next(number) {
      draw = number;
      drawn = false;
    },
    get drawn() {
      return drawn;
    },
    u32: () => random.u32(),
    below(n) {
      drawn = true;
      return draw ?? random.below(n);
    },
  };
}
