/** Room for these names left of a picture, in pixels, in letters of 12 pixels. */
export function nameMargin(names: readonly string[]): number {
  return Math.max(LEAST, Math.ceil(A_LETTER * Math.max(...names.map(({ length }) => length))) + GAP);
}

const LEAST = 104;
/** The wide ones: names have few. */
const A_LETTER = 7;
const GAP = 12;
