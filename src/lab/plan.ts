import { configInvalid } from "../core/errors.ts";

/** How long a benchmark runs, cut into slices. */
export interface Timing {
  readonly blocks: number;
  readonly windowMs: number;
}

/** Fewer blocks give intervals that are too wide to say anything. */
const FEWEST_BLOCKS = 10;
/** More blocks no longer make intervals much shorter; longer slices do as well, and cost less set-up. */
const MOST_BLOCKS = 30;
/** Below this, opening and closing weigh too much against what is measured. */
const SHORTEST_WINDOW_MS = 200;
const LONGEST_WINDOW_MS = 1000;
/** What a slice takes besides its window, in milliseconds: connections opened before, answers awaited after. */
const SLICE_OVERHEAD_MS = 35;
/** What a run takes before its slices: threads started, programs compiled and applied. */
const OPENING_MS = 1500;
/** What it takes after them: everything closed, intervals worked out. */
export const CLOSING_MS = 2000;

/**
 * Cuts a time budget into a warm-up block and equal blocks: as many blocks as the shortest window allows, up to 30; then
 * windows as long as the budget allows, up to 1 s.
 *
 * @param cells slices a block: subjects × works.
 * @throws {SluiceError} CONFIG_INVALID when the budget does not hold ten blocks.
 */
export function planTiming(budgetMs: number, cells: number): Timing {
  const forSlices = budgetMs - OPENING_MS - CLOSING_MS;
  const shortestBlockMs = cells * (SHORTEST_WINDOW_MS + SLICE_OVERHEAD_MS);
  const blocks = Math.min(Math.floor(forSlices / shortestBlockMs) - 1, MOST_BLOCKS);
  if (blocks < FEWEST_BLOCKS) {
    const least = Math.ceil((OPENING_MS + CLOSING_MS + (FEWEST_BLOCKS + 1) * shortestBlockMs) / 1000);
    const needed = `at least ${least} s for ${FEWEST_BLOCKS} blocks of ${cells} slices`;
    throw configInvalid("budgetMs", needed, `${budgetMs / 1000} s`);
  }
  const windowMs = Math.floor(forSlices / ((blocks + 1) * cells)) - SLICE_OVERHEAD_MS;
  return { blocks, windowMs: Math.min(windowMs, LONGEST_WINDOW_MS) };
}
