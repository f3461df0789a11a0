import { type BackendSet, holds, usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import type { Locality } from "./locality.ts";
import { NO_RECORD, type PoolShape, recordPool, recordPoolWords } from "./record-pool.ts";

/**
 * The backends that lblcr remembers of each destination address, newest first, in a balancer's state. A set is known by
 * the two state words of an address's entry: its first member, and how many it has.
 *
 * All sets together have 65,536 members at most; past that none is added, as the kernel adds none when it is out of
 * memory.
 */
export interface DestinationSets {
  size(set: number): number;
  /** The least loaded usable member, the first of equal ones; NO_BACKEND if there is none. O(members). */
  leastLoaded(set: number): number;
  /** Adds a backend that is not in the set yet. O(members). @returns whether it was added. */
  add(set: number, slot: number): boolean;
  /** Takes out the most loaded member of weight above 0, the first of equal ones. O(members). @returns whether any was. */
  dropMostLoaded(set: number): boolean;
  /** Takes out all members. */
  clear(set: number): void;
  /** The slots of the members, as far as they have any. */
  slots(set: number): number[];
  /** Finds the free members anew. @param sets all that there are. O(members). */
  rebuild(sets: readonly number[]): void;
}

/** Words of a set. */
const FIRST = 0;
const SIZE = 1;
/** Fields of a member: field 0 is the pool's; the next member plus 1, and who it is. */
const NEXT = 1;
const LOW = 2;
const HIGH = 3;
const pool: PoolShape = Object.freeze({ records: 65_536, words: 4 });

export const DESTINATION_SETS_WORDS = recordPoolWords(pool);

/** @param start the first of the members' words in the state. */
export function destinationSets(
  backends: BackendSet,
  state: Int32Array,
  start: number,
  servers: Locality,
): DestinationSets {
  const { active, inactive, weight, identityLow, identityHigh } = backends;
  const members = recordPool(state, start, pool);
  const first = (set: number): number => state[set + FIRST]! - 1;
  const after = (member: number): number => state[members.at(member, NEXT)]! - 1;
  const slotOf = (member: number): number =>
    servers.slotOf(state[members.at(member, LOW)]!, state[members.at(member, HIGH)]!);
  /** A backend whose slot has been given away has no connections any more; the kernel would still know its weight. */
  const isMoreLoaded = (slot: number, than: number): boolean => {
    if (slot === NO_BACKEND || weight[slot] === 0) return false;
    return than === NO_BACKEND ? active[slot]! + inactive[slot]! > 0 : servers.compare(slot, than) > 0;
  };
  /** The word that links the most loaded member, 0 if none has weight. */
  const linkOfMostLoaded = (set: number): number => {
    let found = 0;
    let most = NO_BACKEND;
    for (let link = set + FIRST; state[link] !== 0; link = members.at(state[link]! - 1, NEXT)) {
      const slot = slotOf(state[link]! - 1);
      const counts = found === 0 ? slot === NO_BACKEND || weight[slot]! > 0 : isMoreLoaded(slot, most);
      if (!counts) continue;
      found = link;
      most = slot;
    }
    return found;
  };
  const has = (set: number, slot: number): boolean => {
    let member = first(set);
    while (member >= 0 && slotOf(member) !== slot) member = after(member);
    return member >= 0;
  };
  /** Takes out the member that a word links. */
  const unlinkAt = (set: number, link: number): void => {
    const member = state[link]! - 1;
    state[link] = state[members.at(member, NEXT)]!;
    state[set + SIZE]! -= 1;
    members.giveBack(member);
  };

  return {
    size: (set) => state[set + SIZE]!,
    leastLoaded(set) {
      let least = NO_BACKEND;
      for (let member = first(set); member >= 0; member = after(member)) {
        const slot = slotOf(member);
        if (slot === NO_BACKEND || !holds(backends, slot) || !usable(backends, slot)) continue;
        if (least === NO_BACKEND || servers.compare(slot, least) < 0) least = slot;
      }
      return least;
    },
    add(set, slot) {
      if (has(set, slot)) return false;
      const member = members.take();
      if (member === NO_RECORD) return false;
      state[members.at(member, LOW)] = identityLow[slot]!;
      state[members.at(member, HIGH)] = identityHigh[slot]!;
      state[members.at(member, NEXT)] = state[set + FIRST]!;
      state[set + FIRST] = member + 1;
      state[set + SIZE]! += 1;
      return true;
    },
    dropMostLoaded(set) {
      const link = linkOfMostLoaded(set);
      if (link !== 0) unlinkAt(set, link);
      return link !== 0;
    },
    clear(set) {
      while (state[set + FIRST] !== 0) unlinkAt(set, set + FIRST);
    },
    slots(set) {
      const slots: number[] = [];
      for (let member = first(set); member >= 0; member = after(member)) slots.push(slotOf(member));
      return slots.filter((slot) => slot !== NO_BACKEND);
    },
    rebuild(sets) {
      const linked = new Set<number>();
      for (const set of sets) {
        const before = linked.size;
        for (let member = first(set); member >= 0; member = after(member)) linked.add(member);
        state[set + SIZE] = linked.size - before;
      }
      members.rebuild();
      for (let member = 0; member < members.end(); member += 1) {
        if (members.isInUse(member) && !linked.has(member)) members.giveBack(member);
      }
    },
  };
}
