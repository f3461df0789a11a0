import { unconcerned } from "./balancer.ts";
import { bucketOf, BUCKETS, fillBuckets, slotIn } from "./buckets.ts";
import { define } from "./definition.ts";
import { pickFromTable } from "./hashed-table.ts";
import { addressWord } from "./identity.ts";

const oneTurn = (): number => 1;

/**
 * Destination hashing: 256 buckets, given out one by one round the list, whatever the weights; a backend of weight 0
 * keeps its buckets. A flow goes to the bucket of its destination address, so all flows to one virtual address go to
 * one backend: dh is for flows to many addresses, as a firewall mark catches them. A flow whose backend may take none
 * is refused. Of more than 256 backends the oldest have no bucket.
 *
 * O(1), a change of the list O(256). Source: Linux net/netfilter/ipvs/ip_vs_dh.c.
 */
export const dh = define("dh", {}, () => ({
  stateWords: () => BUCKETS,
  create(set, state) {
    const refill = (): void => fillBuckets(set, state, oneTurn);
    return {
      ...unconcerned,
      algorithm: "dh",
      ...pickFromTable(set, {
        entryName: "bucket of the destination",
        rule: "the backend in the bucket of the destination address, and no other",
        wordOf: ({ dst }) => addressWord(dst, 0),
        entryOf: bucketOf,
        fallbacks: 0,
        fallbackOf: (_word, first) => first,
        slotAt: (bucket) => slotIn(state, bucket),
      }),
      added: refill,
      removing: (slot) => fillBuckets(set, state, oneTurn, slot),
      rebuild: refill,
    };
  },
}));
