import { type Random, seededRandom } from "../core/random.ts";
import type { WorkName } from "./work.ts";

/** A subject, by its place in the plan, doing a work. */
export interface Cell {
  readonly subject: number;
  readonly work: WorkName;
}

/**
 * The order of all slices: in each block every cell once, each order equally likely, the same again for the same seed.
 *
 * @returns one list of cells a block.
 */
export function scheduleBlocks(subjects: number, works: readonly WorkName[], blocks: number, seed: number): Cell[][] {
  const random = seededRandom(seed);
  const cells = Array.from({ length: subjects }, (_, subject) => works.map((work) => ({ subject, work }))).flat();
  return Array.from({ length: blocks }, () => shuffled(cells, random));
}

/** The same in another order, each order equally likely. */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const order = [...list];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
