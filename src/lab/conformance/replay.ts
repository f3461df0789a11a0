import type { Kernel } from "../../balancers/kernel.ts";
import { seededRandom } from "../../core/random.ts";
import { isLikely, judgeChance, type Likelihood } from "./chance.ts";
import { type Difference, differencesOf } from "./differences.ts";
import { expectedOutcome, referenceKernel } from "./expected-outcome.ts";
import { Playback } from "./playback.ts";
import { play, type Replayed } from "./replayed.ts";
import type { Outcome, Vector } from "./vector.ts";

export interface ReplayResult extends Replayed {
  /** Whether all that was recorded agrees. */
  readonly ok: boolean;
  /** What was recorded: one run, but where chance decides and there are several. */
  readonly recorded: readonly Outcome[];
  /** Where it does not agree, run by run in the order of the events. */
  readonly differences: readonly Difference[];
  /** Of the recorded picks, where they were left to chance. */
  readonly likelihood?: Likelihood;
}

export interface ReplayOptions {
  /**
   * By whose rules, and against whose recording, where the vector has one of its own for it.
   * @default "6.1.192", the reference
   */
  readonly kernel?: Kernel;
  /**
   * Of our picks, where they are left to chance: a whole number.
   * @default 1
   */
  readonly seed?: number;
}

/**
 * Replays a vector on the emulated IPVS, and compares. O(events · servers).
 *
 * Where picks were left to chance, ours are those of a seeded run of our own; recorded picks agree if each was possible
 * when it was made and they are as likely, all together, as picks of that scheduler are.
 */
export function replayVector(vector: Vector, { kernel = referenceKernel, seed = 1 }: ReplayOptions = {}): ReplayResult {
  const replayed = play(vector, new Playback(vector, kernel, seededRandom(seed)));
  const expected = expectedOutcome(vector, kernel);
  if (vector.deterministic) {
    const differences = differencesOf(vector, expected, replayed);
    return { ...replayed, ok: differences.length === 0, recorded: [expected], differences };
  }
  const others = vector.otherRuns.map((picks): Outcome => ({ picks, packetPicks: undefined, counts: undefined }));
  const recorded = [expected, ...others];
  const { differences, likelihood } = judgeChance(vector, recorded, kernel);
  return { ...replayed, ok: differences.length === 0 && isLikely(likelihood), recorded, differences, likelihood };
}
