import { configInvalid } from "../core/errors.ts";
import { PROBE_ROUNDS } from "../measure/experiment.ts";

/** How long a benchmark runs, cut into slices. */
export interface Timing {
  readonly blocks: number;
  readonly windowMs: number;
}

/** Fewer blocks give intervals that are too wide to say anything. */
const FEWEST_BLOCKS = 10;
/** Many, since what disturbs a host lasts longer than a slice: short ones of all subjects are disturbed more alike. */
const MOST_BLOCKS = 240;
/** Below this, opening and closing weigh too much against what is measured. */
const SHORTEST_WINDOW_MS = 165;
const LONGEST_WINDOW_MS = 1000;
/** What a slice takes besides its window, in milliseconds: connections opened before, answers awaited after. */
const SLICE_OVERHEAD_MS = 35;
/** What a run takes before its slices: threads started, programs compiled and applied. */
const OPENING_MS = 1500;
/** What it takes after them: everything closed, intervals worked out. */
export const CLOSING_MS = 2000;

/**
 * Cuts a time budget into the reference's probes, a warm-up block and equal blocks: as many blocks as the shortest window
 * allows, up to 240; then windows as long as the budget allows, up to 1 s.
 *
 * @param subjects with the reference and its control; each does each work once a block.
 * @throws {SluiceError} CONFIG_INVALID when the budget does not hold ten blocks.
 */
export function planTiming(budgetMs: number, subjects: number, works: number): Timing {
  const cells = subjects * works;
  const probes = PROBE_ROUNDS * works;
  const forSlices = budgetMs - OPENING_MS - CLOSING_MS;
  const slicesOf = (blocks: number): number => (blocks + 1) * cells + probes;
  const shortestMs = SHORTEST_WINDOW_MS + SLICE_OVERHEAD_MS;
  const blocks = Math.min(Math.floor((forSlices / shortestMs - probes) / cells) - 1, MOST_BLOCKS);
  if (blocks < FEWEST_BLOCKS) {
    const least = Math.ceil((OPENING_MS + CLOSING_MS + slicesOf(FEWEST_BLOCKS) * shortestMs) / 1000);
    const needed = `at least ${least} s for ${FEWEST_BLOCKS} blocks of ${cells} slices`;
    throw configInvalid("budgetMs", needed, `${budgetMs / 1000} s`);
  }
  const windowMs = Math.floor(forSlices / slicesOf(blocks)) - SLICE_OVERHEAD_MS;
  return { blocks, windowMs: Math.min(windowMs, LONGEST_WINDOW_MS) };
}
