import type { Flow } from "../net/flow.ts";
import type { Ip6 } from "../net/ip.ts";
import { absorb, finish } from "./murmur3.ts";

/** What of a flow decides where it goes: flows with the same key go to the same backend. */
export const flowKeys = ["source", "source-port", "destination", "flow"] as const;
export type FlowKey = (typeof flowKeys)[number];

/**
 * @returns a function that hashes a flow to a signed 32-bit number. It allocates nothing: an IPv4 address is made a signed
 *   word where it is read, since an engine would put an unsigned one into an object to hand it on.
 */
export function flowHash(key: FlowKey): (flow: Flow) => number {
  switch (key) {
    case "source":
      return ({ src }) =>
        typeof src === "number" ? finish(absorb(0, src | 0), 1) : finish(absorbIp6(0, src), IP6_WORDS);
    case "source-port":
      return ({ src, srcPort }) =>
        typeof src === "number"
          ? finish(absorb(absorb(0, src | 0), srcPort), 2)
          : finish(absorb(absorbIp6(0, src), srcPort), IP6_WORDS + 1);
    case "destination":
      return ({ dst }) =>
        typeof dst === "number" ? finish(absorb(0, dst | 0), 1) : finish(absorbIp6(0, dst), IP6_WORDS);
    case "flow":
      return ({ src, srcPort, dst, dstPort, proto }) => {
        const source = typeof src === "number" ? absorb(0, src | 0) : absorbIp6(0, src);
        const addresses = typeof dst === "number" ? absorb(source, dst | 0) : absorbIp6(source, dst);
        const words = (typeof src === "number" ? 1 : IP6_WORDS) + (typeof dst === "number" ? 1 : IP6_WORDS) + 2;
        return finish(absorb(absorb(addresses, (srcPort << 16) | dstPort), proto), words);
      };
  }
}

const IP6_WORDS = 4;

function absorbIp6(hash: number, { w0, w1, w2, w3 }: Ip6): number {
  return absorb(absorb(absorb(absorb(hash, w0 | 0), w1 | 0), w2 | 0), w3 | 0);
}
