import { seededRandom } from "../../src/core/random.ts";
import { type Flow, TCP } from "../../src/net/flow.ts";
import type { Ip, Ip4 } from "../../src/net/ip.ts";

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

/** Flows from a few clients to a few addresses of both families: each of `clients`² × 2 pairs of them once. */
export function pairedFlows(clients: number, seed: number): Flow[] {
  const random = seededRandom(seed);
  const ip4 = (): Ip => random.u32() as Ip4;
  const ip6 = (): Ip => ({ w0: random.u32(), w1: random.u32(), w2: random.u32(), w3: random.u32() });
  return [ip4, ip6].flatMap((ip) => {
    const destinations = Array.from({ length: clients }, ip);
    return Array.from({ length: clients }, ip).flatMap((src) =>
      destinations.map((dst) => ({ proto: TCP, src, srcPort: 1024 + random.below(64_512), dst, dstPort: 80 })),
    );
  });
}
