import { balancerInvalid } from "../core/errors.ts";
import { define, type OptionReader } from "./definition.ts";
import { absorbIdentity, byIdentity } from "./identity-order.ts";
import { type FlowHashOptions, flowHashOptions } from "./load-bound.ts";
import { fillInTurns, turnsByWeight } from "./maglev-table.ts";
import { finish } from "./murmur3.ts";
import { rebuiltTable } from "./rebuilt-table.ts";

/** Envoy's limit. */
const LARGEST_TABLE = 5_000_011;

/** Options of `maglev`. */
export interface MaglevOptions extends FlowHashOptions {
  /**
   * How many entries the table has: a prime of at most 5000011.
   * @default 65537, as in the paper and in Envoy
   */
  readonly tableSize?: number;
}

const tableSizeOption: OptionReader<number> = (value, path) => {
  if (value === undefined) return 65_537;
  if (Number.isInteger(value) && (value as number) <= LARGEST_TABLE && isPrime(value as number)) return value as number;
  throw balancerInvalid(path, `a prime of at most ${LARGEST_TABLE}`, value);
};

/**
 * Maglev hashing: a table of slots that flows are hashed to by their key. Each backend has a permutation of the entries,
 * from two hashes of who it is; they take turns in taking the first entry of theirs that is still free, until none is.
 * With at least 100 entries a backend, equal weights get shares within 1 % of each other. When a backend leaves, its
 * flows move, and some of the others', too: with 65,537 entries, 0.6 times as many where there are 100 backends, six
 * times as many where there are 1,000; the fewer, the more entries there are for each.
 *
 * Weights as in Envoy: in round 1 everyone takes one entry; from then on a backend of weight w takes its turn j (from 0
 * on) in the first round t with t × w ≥ j × the largest weight. In a round, backends take turns in the order of their
 * identities, so that all hosts build the same table whatever the order of their lists.
 *
 * A pick is O(1). A change of the list or of a weight has the next pick build the table anew, in O(m log m) on average for
 * m entries, whatever the weights: 65,537 entries take a few milliseconds. A table with fewer entries than backends
 * leaves some without flows. A backend that is overloaded is passed over for the next entry; so is one that has its
 * bound, with `hashBalanceFactor`.
 *
 * Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4; the
 * weights and the order: Envoy's maglev policy. The hash (MurmurHash3) is ours, so the entries are not those of Envoy.
 */
export const maglev = define<"maglev", MaglevOptions>(
  "maglev",
  { tableSize: tableSizeOption, ...flowHashOptions },
  ({ tableSize, ...options }) =>
    rebuiltTable(
      "maglev",
      {
        words: () => 1 + tableSize,
        create(set, state) {
          /** Word 0: whether the table has entries. */
          const table = state.subarray(1, 1 + tableSize);
          return {
            entryName: "entry",
            size: () => (state[0] === 0 ? 0 : tableSize),
            entryOf: (hash) => (hash >>> 0) % tableSize,
            slotAt: (entry) => table[entry]!,
            build() {
              const slots = byIdentity(set);
              const hash = (slot: number, seed: number): number => finish(absorbIdentity(set, seed, slot), 2) >>> 0;
              state[0] = slots.length;
              if (slots.length > 0) {
                fillInTurns(table, {
                  slots,
                  turns: turnsByWeight(
                    slots.map((slot) => set.weight[slot]!),
                    tableSize,
                  ),
                  offsets: Int32Array.from(slots, (slot) => hash(slot, 0) % tableSize),
                  skips: Int32Array.from(slots, (slot) => 1 + (hash(slot, 1) % (tableSize - 1))),
                });
              }
              return 1 + tableSize;
            },
          };
        },
      },
      options,
    ),
);

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor += 1) if (number % divisor === 0) return false;
  return number > 1;
}
