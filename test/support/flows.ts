import { seededRandom } from "../../src/core/random.ts";
import { type Flow, TCP } from "../../src/net/flow.ts";
import type { Ip4 } from "../../src/net/ip.ts";

/** TCP flows of random clients to 10.96.0.1:80, the same ones for the same seed. */
export function sampleFlows(count: number, seed: number): Flow[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => ({
    proto: TCP,
    src: random.u32() as Ip4,
    srcPort: 1024 + random.below(64_512),
    dst: 0x0a600001 as Ip4,
    dstPort: 80,
  }));
}
