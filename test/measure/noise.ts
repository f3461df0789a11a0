/** Noise as benchmarks have it. */
import type { Random } from "../../src/core/random.ts";

/** Noise of one block on a logarithm, with mean 0. */
export const noises: Readonly<Record<string, (random: Random) => number>> = {
  normal: (random) => 0.03 * normal(random),
  "heavy-tailed (Student's t, 5 degrees)": (random) => {
    const squares = Array.from({ length: 5 }, () => normal(random) ** 2).reduce((sum, square) => sum + square, 0);
    return (0.02 * normal(random)) / Math.sqrt(squares / 5);
  },
  "skewed (a block is slowed down by an exponential delay)": (random) => 0.05 * (1 + Math.log(uniform(random))),
};

function uniform(random: Random): number {
  return (random.u32() + 0.5) / 2 ** 32;
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(uniform(random))) * Math.cos(2 * Math.PI * uniform(random));
}
