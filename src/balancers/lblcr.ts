import type { BackendSet } from "./backend-set.ts";
import { type Balancer, NO_BACKEND } from "./balancer.ts";
import { define, wholeOption } from "./definition.ts";
import { DESTINATION_MAP_WORDS, destinationMap, MOST_ENTRIES } from "./destination-map.ts";
import { DESTINATION_SETS_WORDS, destinationSets } from "./destination-sets.ts";
import { explainedOnCopy } from "./explained-on-copy.ts";
import type { Candidate, Explanation } from "./explanation.ts";
import { type Kernel, type KernelOptions, kernelOption } from "./kernel.ts";
import { locality, localityWords } from "./locality.ts";
import { NO_RECORD } from "./record-pool.ts";
import { standing } from "./standing.ts";

/** Words in front of the rest: the map, when each set was changed last, and the members of the sets. */
const CHANGED = DESTINATION_MAP_WORDS;
const MEMBERS = CHANGED + 2 * MOST_ENTRIES;
const SERVERS = MEMBERS + DESTINATION_SETS_WORDS;

/** Options of `lblcr`. */
export interface LblcrOptions extends KernelOptions {
  /**
   * After how long an address that nobody asked for is forgotten, and a set that did not change gives up a member, in
   * seconds: a whole number in 0…2³¹ − 1.
   * @default 86400, as in the kernel
   */
  readonly lblcrExpirationSeconds?: number;
}

/**
 * Locality-based least connection with replication: a destination address has a set of backends, the newest member
 * first. A flow goes to the usable member with the least overhead / weight (the first of equal ones), unless that is too
 * loaded, as in `lblc`; then it goes to the one that `wlc` picks from all, which joins the set. A set of more than one
 * that did not change for longer than `lblcrExpirationSeconds` (the kernel's lblcr_expiration, a day by default) gives
 * up its most loaded member at the next flow, after that flow's member was chosen.
 *
 * A backend that was removed stays a member, and counts again when it comes back. Addresses are forgotten as in `lblc`,
 * when they were idle for `lblcrExpirationSeconds`; see `DestinationMap` and `DestinationSets`.
 *
 * O(members), as in the kernel, and the chain that an address is in; a change O(log n). 2.3 MB of state, of which only
 * what holds addresses is ever touched.
 * Source: Linux net/netfilter/ipvs/ip_vs_lblcr.c.
 */
export const lblcr = define<"lblcr", LblcrOptions>(
  "lblcr",
  { kernel: kernelOption, lblcrExpirationSeconds: wholeOption(86_400, 0, 2 ** 31 - 1) },
  ({ kernel, lblcrExpirationSeconds }) => ({
    stateWords: (capacity) => SERVERS + localityWords(capacity),
    create: (set, state) => ({
      algorithm: "lblcr",
      ...explainedOnCopy(state, (words) => lblcrOver(set, words, kernel, lblcrExpirationSeconds * 1000)),
    }),
  }),
);

function lblcrOver(
  set: BackendSet,
  state: Int32Array,
  kernel: Kernel,
  expirationMs: number,
): Omit<Balancer, "algorithm"> {
  const changedMs = new Float64Array(state.buffer, state.byteOffset + CHANGED * 4, MOST_ENTRIES);
  const servers = locality(set, state, SERVERS, kernel);
  const sets = destinationSets(set, state, MEMBERS, servers);
  const map = destinationMap(state, expirationMs, (entry) => sets.clear(map.valueAt(entry)));

  const join = (entry: number, slot: number, nowMs: number): void => {
    if (sets.add(map.valueAt(entry), slot)) changedMs[entry] = nowMs;
  };
  const shrink = (entry: number, nowMs: number): void => {
    if (sets.size(map.valueAt(entry)) < 2 || nowMs <= changedMs[entry]! + expirationMs) return;
    if (sets.dropMostLoaded(map.valueAt(entry))) changedMs[entry] = nowMs;
  };
  const explainNewcomer = (why: string, members: readonly Candidate[]): Explanation => {
    const { slot, rule, candidates } = servers.explainLeastLoaded();
    return { slot, rule: `${why}: ${rule}`, candidates: [...members, ...candidates] };
  };
  return {
    pick({ dst }, nowMs) {
      map.sweep(nowMs);
      let entry = map.find(dst, nowMs);
      if (entry !== NO_RECORD) {
        const member = sets.leastLoaded(map.valueAt(entry));
        shrink(entry, nowMs);
        if (member !== NO_BACKEND && !servers.tooLoaded(member)) return member;
      }
      const slot = servers.leastLoaded();
      if (slot === NO_BACKEND) return NO_BACKEND;
      if (entry === NO_RECORD) entry = map.add(dst, nowMs);
      if (entry !== NO_RECORD) join(entry, slot, nowMs);
      return slot;
    },
    explain({ dst }, nowMs) {
      map.sweep(nowMs);
      const entry = map.find(dst, nowMs);
      if (entry === NO_RECORD) return explainNewcomer("the destination address has no backends yet", []);
      const at = map.valueAt(entry);
      const members = sets.slots(at).map((slot) => ({
        slot,
        value: servers.ranking.value(slot),
        meaning: `${servers.ranking.meaning} of a member, newest first; ${standing(set, slot)}`,
      }));
      const slot = sets.leastLoaded(at);
      if (slot === NO_BACKEND) return explainNewcomer("no member of the address's set may take it", members);
      if (servers.tooLoaded(slot))
        return explainNewcomer("the least loaded member has too many for its weight", members);
      return {
        slot,
        rule: "the least loaded member of the address's set; of equal ones the newest",
        candidates: members,
      };
    },
    ...servers.hooks,
    rebuild() {
      map.rebuild();
      servers.hooks.rebuild();
      sets.rebuild([...map.entries()].map(map.valueAt));
    },
  };
}
