import assert from "node:assert/strict";

/**
 * Asserts that so many of `trials` independent draws of this chance came true as is right: within six standard
 * deviations, which a right source misses once in 500 million times.
 */
export function assertChance(hits: number, trials: number, chance: number, what: string): void {
  const tolerance = 6 * Math.sqrt(trials * chance * (1 - chance));
  const expected = trials * chance;
  assert.ok(Math.abs(hits - expected) <= tolerance, `${what}: ${hits} of ${trials}, not ${expected} ± ${tolerance}`);
}
