/** Puts things in order; things that compare alike stay in the order in which they come. */
export type Sorter<T> = (things: readonly T[]) => readonly T[];

/**
 * Makes a sorter for a list that changes little: where the things at all places compare as those of the last time did,
 * their order is that of the last time. That costs a walk over the list, and no sort.
 */
export function createHeldOrder<T>(compare: (a: T, b: T) => number): Sorter<T> {
  let before: readonly T[] = [];
  let order: readonly number[] = [];
  const isHeld = (thing: T, at: number): boolean => thing === before[at] || compare(thing, before[at]!) === 0;
  return (things) => {
    if (things.length !== before.length || !things.every(isHeld)) order = orderOf(things, compare);
    before = things;
    return order.map((at) => things[at]!);
  };
}

/** Places, in the order of what stands there. */
function orderOf<T>(things: readonly T[], compare: (a: T, b: T) => number): readonly number[] {
  return things.map((_, at) => at).sort((a, b) => compare(things[a]!, things[b]!));
}
