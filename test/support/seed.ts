import { isFullRun, runSeed, sampleBySeed, seedLine } from "./full-run.ts";

/** The seed of this run's random tests: `SLUICE_SEED`, or a fresh one. Printed, so that a failure can be repeated. */
export const seed: number = runSeed;

console.log(seedLine);

/** How many random cases a long suite samples: all of them in the full run, a part of them otherwise. */
export function runs(full: number, sampled: number): number {
  return isFullRun() ? full : sampled;
}

export const sample: typeof sampleBySeed = sampleBySeed;
