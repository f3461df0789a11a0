import { createBackendSet, linkFirst } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { type Random, seededRandom } from "../../src/core/random.ts";
import { DrivenSet } from "../../test/support/driven-set.ts";

/** A balancer of the registry over so many backends, filled at once. */
export function bigSet(
  name: string,
  backends: number,
  {
    options = {},
    weightOf = () => 1,
  }: { readonly options?: object; readonly weightOf?: (slot: number) => number } = {},
): DrivenSet {
  const { create, stateWords } = algorithm(name, options);
  const set = createBackendSet(backends);
  for (let slot = 0; slot < backends; slot += 1) linkFirst(set, slot, weightOf(slot));
  const balancer = create(set, new Int32Array(stateWords(backends)), seededRandom(1));
  balancer.rebuild();
  return new DrivenSet(set, balancer);
}

/** Gives backends random counts, and tells the balancer: for picks that look at them but are not counted. */
export function loadAtRandom({ set, balancer }: DrivenSet, largest: number, random: Random): void {
  for (let slot = 0; slot < set.capacity; slot += 1) set.active[slot] = random.below(largest + 1);
  balancer.rebuild();
}
