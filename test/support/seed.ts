import { freshSeed } from "../../src/core/random.ts";

/** The seed of this run's random tests: `SLUICE_SEED`, or a fresh one. Printed, so that a failure can be repeated. */
export const seed: number = Number(process.env["SLUICE_SEED"] ?? freshSeed());

console.log(`seed ${seed} (repeat with SLUICE_SEED=${seed})`);

/** How many random cases a long suite samples: all of them in the full run, a part of them otherwise. */
export function runs(full: number, sampled: number): number {
  return process.env["SLUICE_FULL"] === undefined ? sampled : full;
}
