import { createBackendSet } from "../../src/balancers/backend-set.ts";
import { identityOf } from "../../src/balancers/identity.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { Flow } from "../../src/net/flow.ts";
import { DrivenSet } from "./driven-set.ts";

/**
 * Backends at addresses of their own: slot n is 10.244.0.0 + n. Address plus port, which IPVS hashes, is the same for many.
 *
 * @param order in which they are added.
 */
export function hashedBackends(
  name: string,
  weights: readonly number[],
  options: object = {},
  order: readonly number[] = [...weights.keys()],
): DrivenSet {
  const { create, stateWords } = algorithm(name, options);
  const set = createBackendSet(weights.length);
  const driven = new DrivenSet(set, create(set, new Int32Array(stateWords(weights.length)), seededRandom(1)));
  for (const slot of order) {
    const [high, low] = [slot >> 8, slot & 255];
    driven.add(slot, weights[slot]!, undefined, identityOf(`10.244.${high}.${low}:${8080 - low}`));
  }
  return driven;
}

export const equalWeights = (count: number): number[] => Array.from({ length: count }, () => 1);

/** Where each flow goes. */
export function slotsOf({ balancer }: DrivenSet, flows: readonly Flow[]): Int32Array {
  return Int32Array.from(flows, (flow) => balancer.pick(flow, 0));
}

export function hitsOf({ set }: DrivenSet, slots: Int32Array): number[] {
  const hits = Array.from({ length: set.capacity }, () => 0);
  for (const slot of slots) hits[slot]! += 1;
  return hits;
}
