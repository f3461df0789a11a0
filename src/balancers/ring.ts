import { balancerInvalid } from "../core/errors.ts";
import { define, wholeOption } from "./definition.ts";
import { hashRing, type RingSize } from "./hash-ring.ts";
import { type FlowHashOptions, flowHashOptions } from "./load-bound.ts";
import { rebuiltTable } from "./rebuilt-table.ts";

/** Envoy's limit. */
const LARGEST_RING = 2 ** 23;

/** Options of `ring`. */
export interface RingOptions extends FlowHashOptions {
  /** Points a unit of weight, a whole number in 1…65536. @default 160, as in libketama and nginx */
  readonly points?: number;
  /** How many points the ring has at least: a whole number in 1…`maxRingSize`. Envoy's default is 1024. @default 1 */
  readonly minRingSize?: number;
  /** How many points the ring has at most: a whole number in 1…8388608. @default 8388608, as in Envoy */
  readonly maxRingSize?: number;
}

/**
 * Ring hash (ketama): every backend has points on a circle of 2³² places, flows are hashed to places by their key, and go
 * to the backend of the first point at or behind theirs. When a backend leaves, no flow moves but its own, and those
 * to all others; the price is that shares vary: by 1/√points of a share (standard deviation), 8 % for 160.
 *
 * Point j from 0 on of a backend is MurmurHash3 of who it is and j. A backend of weight w has `points` × w of them, as in
 * nginx, times a power of two that is the same for all: the largest one, at most 1, with which the ring has no more
 * than `points` × the number of backends, libketama's size. So the number of points moves only where the mean weight
 * crosses a power of two. `minRingSize` raises the power until the ring is so large, `maxRingSize` lowers it until it
 * is not larger; but everyone has one point at least. Of points at one place the first in the order of identities counts.
 *
 * A pick is O(1) on average: an index over the ring says where to look. A change of the list or of a weight has the next
 * pick build the ring anew, in O(size of the ring): 1,600,000 points of 10,000 backends take about a tenth of a second. A
 * backend that is overloaded is passed over for the next point; so is one that has its bound, with `hashBalanceFactor`.
 *
 * Source: Karger et al., "Consistent Hashing and Random Trees", STOC 1997; libketama (160 points a server of mean
 * weight); nginx's `hash … consistent` (160 × weight); Envoy's ring_hash (limits of the size). Libketama hashes with MD5,
 * nginx with CRC-32, Envoy with xxHash: the places are not theirs.
 */
export const ring = define<"ring", RingOptions>(
  "ring",
  {
    points: wholeOption(160, 1, 65_536),
    minRingSize: wholeOption(1, 1, LARGEST_RING),
    maxRingSize: wholeOption(LARGEST_RING, 1, LARGEST_RING),
    ...flowHashOptions,
  },
  ({ points, minRingSize, maxRingSize, ...options }) => {
    if (minRingSize > maxRingSize) {
      throw balancerInvalid("minRingSize", `at most maxRingSize, ${maxRingSize}`, minRingSize);
    }
    const size: RingSize = { points, least: minRingSize, most: maxRingSize };
    return rebuiltTable("ring", hashRing(size), options);
  },
);
