import { freshSeed, seededRandom } from "../../src/core/random.ts";

/** The seed of this run: `SLUICE_SEED`, or a fresh one. Whoever leaves something to it prints it. */
export const runSeed: number = Number(process.env["SLUICE_SEED"] ?? freshSeed());

export const seedLine: string = `seed ${runSeed} (repeat with SLUICE_SEED=${runSeed})`;

/** How much runs: a sample of the random and of the long cases, or with `SLUICE_FULL` all of them. */
const full = (process.env["SLUICE_FULL"] ?? "") !== "";
let asked = false;

/** Whether everything is to run. Whoever asks has something that is left out otherwise. */
export function isFullRun(): boolean {
  asked = true;
  return full;
}

/** Whether this process has left something to the full run. */
export function hasSampled(): boolean {
  return asked && !full;
}

/**
 * Which cases a long suite samples: all of them in the full run, otherwise so many by the seed, in their order.
 *
 * @param turn from 0 on: of as many cases each turn goes on where the one before ended, so that together they come to all.
 */
export function sampleBySeed<T>(cases: readonly T[], count: number, turn = 0): readonly T[] {
  if (isFullRun()) return cases;
  const random = seededRandom(runSeed);
  const inOrder = [...cases.keys()];
  const dealt: number[] = [];
  while (inOrder.length > 0) dealt.push(...inOrder.splice(random.below(inOrder.length), 1));
  const first = turn * count;
  const places = Array.from({ length: Math.min(count, dealt.length) }, (_, at) => (first + at) % dealt.length);
  const chosen = new Set(places.map((place) => dealt[place]!));
  return cases.filter((_, index) => chosen.has(index));
}
