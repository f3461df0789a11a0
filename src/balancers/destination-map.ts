import type { Ip } from "../net/ip.ts";
import { multiplyShift } from "./multiply-shift.ts";
import { NO_RECORD, type PoolShape, recordPool, recordPoolWords } from "./record-pool.ts";

/**
 * What lblc and lblcr remember of destination addresses: a hash table of 1024 chains in a balancer's state, from which
 * entries go that were idle for long.
 *
 * A sweep is due every 60 s, counted from the first flow. Every 30th one removes all entries that were idle for the
 * expiration time. The others do nothing while there are at most 16,384 entries; above that they remove, chain by chain,
 * entries that were idle for 6 minutes, 4/3 of those too many, but at most 8192 at a time. At 24,576 entries no more are
 * added, as in kernel 6.1.192; older ones go on. Some kernels count an entry again each time it gets another backend, and
 * so sweep sooner; here an entry counts once.
 */
export interface DestinationMap {
  /** Does the sweeps that are due. O(1) where none is, else O(entries). */
  sweep(nowMs: number): void;
  /** The entry of an address, which counts as used now; NO_RECORD if there is none. O(length of a chain). */
  find(ip: Ip, nowMs: number): number;
  /** A new entry, its two values 0, for an address that has none. @returns NO_RECORD when the table is full. O(1). */
  add(ip: Ip, nowMs: number): number;
  /** The state word of an entry's first value; the second one follows. */
  valueAt(entry: number): number;
  entries(): Iterable<number>;
  /** O(entries). */
  rebuild(): void;
}

const SWEEP_MS = 60_000;
const SWEEPS_TO_FULL = 30;
const IDLE_MS = 6 * 60_000;
const CHAIN_BITS = 10;
const CHAINS = 1 << CHAIN_BITS;
const ENTRIES_AT_EASE = 16 * CHAINS;
export const MOST_ENTRIES = ENTRIES_AT_EASE * 1.5;

/** Fields of an entry; field 0 is the pool's. */
const NEXT = 1;
const ADDRESS = 2;
const VALUES = 6;
const pool: PoolShape = Object.freeze({ records: MOST_ENTRIES, words: 8 });

/** Doubles: when the next sweep is due (0: not known yet), then when each entry was used last. */
const DOUBLES = 1 + MOST_ENTRIES;
/** Words behind the doubles. Sweeps since the last full one, the chain swept last, then the first entry of each chain. */
const SWEEPS = 2 * DOUBLES;
const SWEPT = SWEEPS + 1;
const HEADS = SWEPT + 1;
const POOL = HEADS + CHAINS;

/** Words of state: an even number. */
export const DESTINATION_MAP_WORDS = Math.ceil((POOL + recordPoolWords(pool)) / 2) * 2;

/**
 * Lays a map over the front of state.
 *
 * @param forget called for each entry that goes, while it still has its values.
 */
export function destinationMap(
  state: Int32Array,
  expirationMs: number,
  forget: (entry: number) => void = () => {},
): DestinationMap {
  const times = new Float64Array(state.buffer, state.byteOffset, DOUBLES);
  const entries = recordPool(state, POOL, pool);
  const isAt = (entry: number, w0: number, w1: number, w2: number, w3: number): boolean => {
    const at = entries.at(entry, ADDRESS);
    return state[at + 3] === w3 && state[at + 2] === w2 && state[at + 1] === w1 && state[at] === w0;
  };
  const search = (w0: number, w1: number, w2: number, w3: number): number => {
    let entry = state[chainOf(w0, w1, w2, w3)]! - 1;
    while (entry >= 0 && !isAt(entry, w0, w1, w2, w3)) entry = state[entries.at(entry, NEXT)]! - 1;
    return entry;
  };
  const link = (entry: number): void => {
    const at = entries.at(entry, ADDRESS);
    const chain = chainOf(state[at]!, state[at + 1]!, state[at + 2]!, state[at + 3]!);
    state[entries.at(entry, NEXT)] = state[chain]!;
    state[chain] = entry + 1;
  };

  /** @returns how many entries of a chain went. */
  const sweepChain = (chain: number, usedUntilMs: number): number => {
    let gone = 0;
    let link = chain;
    while (state[link] !== 0) {
      const entry = state[link]! - 1;
      const next = entries.at(entry, NEXT);
      if (times[1 + entry]! > usedUntilMs) {
        link = next;
        continue;
      }
      state[link] = state[next]!;
      forget(entry);
      entries.giveBack(entry);
      gone += 1;
    }
    return gone;
  };
  const removeIdle = (usedUntilMs: number, goal: number): void => {
    let left = goal;
    for (let n = 0; n < CHAINS && left > 0; n += 1) {
      state[SWEPT] = (state[SWEPT]! + 1) % CHAINS;
      left -= sweepChain(HEADS + state[SWEPT]!, usedUntilMs);
    }
  };
  const sweepAt = (atMs: number): void => {
    if (state[SWEEPS] === SWEEPS_TO_FULL - 1) {
      removeIdle(atMs - expirationMs, Infinity);
      state[SWEEPS] = 0;
    } else if (entries.count() <= ENTRIES_AT_EASE) state[SWEEPS]! += 1;
    else {
      const tooMany = entries.count() - ENTRIES_AT_EASE;
      removeIdle(atMs - IDLE_MS, Math.min(Math.floor((tooMany * 4) / 3), ENTRIES_AT_EASE / 2));
    }
  };
  /** Nothing was used since the last sweep, so of many full ones the last one alone decides. */
  const skipRounds = (nowMs: number): void => {
    const roundMs = SWEEP_MS * SWEEPS_TO_FULL;
    const rounds = Math.floor((nowMs - times[0]!) / roundMs) - 1;
    if (rounds > 0 && entries.count() <= ENTRIES_AT_EASE) times[0]! += rounds * roundMs;
  };

  function* used(): Iterable<number> {
    for (let entry = 0; entry < entries.end(); entry += 1) if (entries.isInUse(entry)) yield entry;
  }

  return {
    sweep(nowMs) {
      if (times[0] === 0) times[0] = nowMs + SWEEP_MS;
      while (times[0]! <= nowMs) {
        skipRounds(nowMs);
        sweepAt(times[0]!);
        times[0]! += SWEEP_MS;
      }
    },
    find(ip, nowMs) {
      const entry =
        typeof ip === "number" ? search(0, 0, 0xffff, ip | 0) : search(ip.w0 | 0, ip.w1 | 0, ip.w2 | 0, ip.w3 | 0);
      if (entry >= 0) times[1 + entry] = nowMs;
      return entry;
    },
    add(ip, nowMs) {
      const entry = entries.take();
      if (entry === NO_RECORD) return NO_RECORD;
      const v4 = typeof ip === "number";
      const at = entries.at(entry, ADDRESS);
      state[at] = v4 ? 0 : ip.w0;
      state[at + 1] = v4 ? 0 : ip.w1;
      state[at + 2] = v4 ? 0xffff : ip.w2;
      state[at + 3] = v4 ? ip : ip.w3;
      state.fill(0, entries.at(entry, VALUES), entries.at(entry, VALUES) + 2);
      times[1 + entry] = nowMs;
      link(entry);
      return entry;
    },
    valueAt: (entry) => entries.at(entry, VALUES),
    entries: used,
    rebuild() {
      entries.rebuild();
      state.fill(0, HEADS, HEADS + CHAINS);
      for (const entry of used()) link(entry);
    },
  };
}

/** The word that holds the head of an address's chain. IPv4 addresses are `::ffff:a.b.c.d`, and hash by their own word. */
function chainOf(w0: number, w1: number, w2: number, w3: number): number {
  const v4 = w0 === 0 && w1 === 0 && w2 === 0xffff;
  return HEADS + multiplyShift(v4 ? w3 : w0 ^ w1 ^ w2 ^ w3, CHAIN_BITS);
}
