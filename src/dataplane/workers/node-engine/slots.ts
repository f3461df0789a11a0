/** Small numbers for things that come and go, each given to one at a time. */
export interface Slots {
  take(): number;
  giveBack(slot: number): void;
}

/** The slot given back last is the first to be taken again, so that arrays indexed by slots stay short. */
export function createSlots(): Slots {
  const free: number[] = [];
  let next = 0;
  return {
    take: () => free.pop() ?? next++,
    giveBack(slot) {
      free.push(slot);
    },
  };
}
