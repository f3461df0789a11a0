import { unconcerned } from "./balancer.ts";
import { bucketOf, BUCKETS, fillBuckets, slotIn } from "./buckets.ts";
import { define, flagOption } from "./definition.ts";
import { pickFromTable } from "./hashed-table.ts";
import { addressWord } from "./identity.ts";

/** Options of `sh`. */
export interface ShOptions {
  /** Hash the source port, too: the kernel's flag sh-port. @default false */
  readonly shPort?: boolean;
  /** Try further buckets where a backend may take no flow: sh-fallback. @default false */
  readonly shFallback?: boolean;
}

/**
 * Source hashing: 256 buckets, given out round the list, as many in a row to a backend as its weight, and one to a
 * backend of weight 0. A flow goes to the bucket of its source address, with `shPort` (the kernel's flag sh-port) to
 * that of address plus port. If the backend there may take none, the flow is refused; with `shFallback` (sh-fallback)
 * the buckets 2h, 2h + 1, … are tried in turn, where h is the first bucket: the kernel adds it twice.
 *
 * 256 buckets are few: of 100 equal backends the largest share is 1.17 times the mean, of 200 it is 1.56 times, and of
 * 300 the 44 oldest get nothing. A weight of 256 leaves nothing for the backends behind it.
 *
 * O(1), with `shFallback` at most 257 looks; a change of the list or of a weight O(256).
 * Source: Linux net/netfilter/ipvs/ip_vs_sh.c.
 */
export const sh = define<"sh", ShOptions>(
  "sh",
  { shPort: flagOption(false), shFallback: flagOption(false) },
  ({ shPort, shFallback }) => ({
    stateWords: () => BUCKETS,
    create(set, state) {
      const turns = (slot: number): number => Math.max(set.weight[slot]!, 1);
      const refill = (): void => fillBuckets(set, state, turns);
      return {
        ...unconcerned,
        algorithm: "sh",
        ...pickFromTable(set, {
          entryName: "bucket of the source",
          rule: shFallback
            ? "the first backend that may take flows, from the bucket of the source on"
            : "the backend in the bucket of the source, and no other",
          wordOf: ({ src, srcPort }) => addressWord(src, shPort ? srcPort : 0),
          entryOf: bucketOf,
          fallbacks: shFallback ? BUCKETS : 0,
          fallbackOf: (_word, first, nth) => (2 * first + nth) % BUCKETS,
          slotAt: (bucket) => slotIn(state, bucket),
        }),
        added: refill,
        removing: (slot) => fillBuckets(set, state, turns, slot),
        reweighted: refill,
        rebuild: refill,
      };
    },
  }),
);
