import { unconcerned } from "./balancer.ts";
import { define, flagOption, wholeOption } from "./definition.ts";
import { explainedOnCopy } from "./explained-on-copy.ts";
import { pickFromTable } from "./hashed-table.ts";
import { addressWord } from "./identity.ts";
import { mhTable } from "./mh-table.ts";

/** Options of `mh`. */
export interface MhOptions {
  /** Hash the source port, too: the kernel's flag mh-port. @default false */
  readonly mhPort?: boolean;
  /** Try further entries where a backend may take no flow: mh-fallback. @default false */
  readonly mhFallback?: boolean;
  /** How large the table is: the kernel's CONFIG_IP_VS_MH_TAB_INDEX, 8…17. @default 12, 4093 entries */
  readonly mhTableIndex?: number;
}

/**
 * Maglev hashing as IPVS does it: a table of 4093 entries that each backend claims in an order of its own, so that few
 * flows move when a backend comes or goes. A flow goes to the entry that its source address hashes to, with `mhPort`
 * (the kernel's flag mh-port) to that of address plus port. If the backend there may take none, the flow is refused;
 * with `mhFallback` (mh-fallback) the hashes of the word plus h, h + 1, … are tried in turn, where h is the first entry.
 *
 * The table is made for the last weight above 0 that each backend had, so weight 0 moves no other flow; a backend that
 * was added with 0 has no entry. Backends take as many entries a turn as their weight says, divided by what all weights
 * have in common and halved until the largest is below 64, but at least one: a backend 1000 times lighter than another
 * has 16 times its share. Of more backends than entries the oldest get none; the kernel then goes on with the table it
 * had. Laid over a list that is there already, mh does not know what a backend of weight 0 had before; the kernel does.
 *
 * `mhTableIndex` is the kernel's CONFIG_IP_VS_MH_TAB_INDEX: 8…17 for 251, 509, 1021, 2039, 4093, 8191, 16381, 32749,
 * 65521 or 131071 entries.
 *
 * O(1), with `mhFallback` up to one look an entry. The first pick after a change of the list or of a weight builds the
 * table, O(n + m log m) for m entries, so that many changes at once cost one table: some 0.3 ms with 10,000 backends.
 *
 * Source: Linux net/netfilter/ipvs/ip_vs_mh.c, after Eisenbud et al., "Maglev", NSDI 2016, §3.4.
 */
export const mh = define<"mh", MhOptions>(
  "mh",
  { mhPort: flagOption(false), mhFallback: flagOption(false), mhTableIndex: wholeOption(12, 8, 17) },
  ({ mhPort, mhFallback, mhTableIndex }) => {
    const { size, entryOf, stateWords, over } = mhTable(mhTableIndex);
    return {
      stateWords,
      create: (set, state) =>
        explainedOnCopy(state, (words) => {
          const { slotAt, ...hooks } = over(set, words);
          return {
            ...unconcerned,
            ...hooks,
            algorithm: "mh",
            ...pickFromTable(set, {
              entryName: "entry of the source",
              rule: mhFallback
                ? "the first backend that may take flows, from the table's entry of the source on"
                : "the backend in the table's entry of the source, and no other",
              wordOf: ({ src, srcPort }) => addressWord(src, mhPort ? srcPort : 0),
              entryOf,
              fallbacks: mhFallback ? size : 0,
              fallbackOf: (word, first, nth) => entryOf(word + ((first + nth) % size)),
              slotAt,
            }),
          };
        }),
    };
  },
);
