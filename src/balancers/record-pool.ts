/** No record is left, or none is meant. */
export const NO_RECORD = -1;

/**
 * Records of equal size in a balancer's state, taken and given back one at a time. Zeros are a pool of which nothing is
 * in use. All O(1) but `rebuild`.
 */
export interface RecordPool {
  /** How many are in use. */
  count(): number;
  /** No record from this one on was ever in use. */
  end(): number;
  /** @returns NO_RECORD when all are in use. */
  take(): number;
  giveBack(record: number): void;
  isInUse(record: number): boolean;
  /** The state word of a field. Field 0 is the pool's own. */
  at(record: number, field: number): number;
  /** Finds the free ones anew, as after a thread died in the middle of a change. O(records). */
  rebuild(): void;
}

const COUNT = 0;
const END = 1;
/** The first free record plus 1, 0: none below `end`. */
const FREE = 2;
const HEADER = 3;

/** Field 0 of a record that is in use; else the next free record plus 1. */
const IN_USE = -1;

export interface PoolShape {
  /** How many records. */
  readonly records: number;
  /** Words a record, with the pool's own. */
  readonly words: number;
}

export function recordPoolWords({ records, words }: PoolShape): number {
  return HEADER + records * words;
}

/** Lays a pool over state. @param start its first word. */
export function recordPool(state: Int32Array, start: number, { records, words }: PoolShape): RecordPool {
  const at = (record: number, field: number): number => start + HEADER + record * words + field;
  const free = (record: number): void => {
    state[at(record, 0)] = state[start + FREE]!;
    state[start + FREE] = record + 1;
  };
  const isInUse = (record: number): boolean => state[at(record, 0)] === IN_USE;
  const end = (): number => state[start + END]!;

  return {
    count: () => state[start + COUNT]!,
    end,
    at,
    isInUse,
    take() {
      let record = state[start + FREE]! - 1;
      if (record >= 0) state[start + FREE] = state[at(record, 0)]!;
      else if (end() === records) return NO_RECORD;
      else {
        record = end();
        state[start + END] = record + 1;
      }
      state[at(record, 0)] = IN_USE;
      state[start + COUNT]! += 1;
      return record;
    },
    giveBack(record) {
      free(record);
      state[start + COUNT]! -= 1;
    },
    rebuild() {
      state[start + FREE] = 0;
      state[start + COUNT] = 0;
      for (let record = 0; record < end(); record += 1) {
        if (isInUse(record)) state[start + COUNT]! += 1;
        else free(record);
      }
    },
  };
}
