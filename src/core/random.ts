/** A source of random numbers. Passed in everywhere, so that any run can be replayed from its seed. */
export interface Random {
  /** A whole number in [0, 2³²), each equally likely. */
  u32(): number;
  /** A whole number in [0, n), each equally likely. @param n 1…2³². */
  below(n: number): number;
}

/**
 * A generator that gives the same numbers for the same seed, on every host.
 *
 * @param seed a whole number; its low 32 bits count.
 *
 * Not for secrets. Source: sfc32 of PractRand (C. Doty-Humphrey), 128 bits of state, here
 * filled with the seed and mixed 12 times, as PractRand does.
 */
export function seededRandom(seed: number): Random {
  let a = seed | 0;
  let b = 0x9e3779b9 | 0;
  let c = ~seed | 0;
  let counter = 1;
  // Signed: an engine keeps such a number without allocating, half of the unsigned ones it does not.
  const next = (): number => {
    const out = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + out;
    c |= 0;
    return out;
  };
  for (let round = 0; round < 12; round += 1) next();
  return { u32: () => next() >>> 0, below: (n) => below(next, n) };
}

/**
 * Draws again while the draw lies in the last, incomplete run of n: no number is favoured. In unsigned words: a
 * remainder of numbers of any kind is a call of a C function.
 */
function below(next: () => number, n: number): number {
  if (n === 2 ** 32) return next() >>> 0;
  const run = n >>> 0;
  for (;;) {
    const draw = next() >>> 0;
    const place = draw % run;
    if (draw - place <= 2 ** 32 - run) return place;
  }
}

/** A seed that differs from run to run; print it, so that the run can be repeated. */
export function freshSeed(): number {
  return globalThis.crypto.getRandomValues(new Uint32Array(1))[0]!;
}
