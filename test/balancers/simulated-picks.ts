import { algorithmNames, createBalancer, type Lease, manualClock, seededRandom } from "../../src/balancers/index.ts";
import { sampleFlows } from "../support/flows.ts";

const FLOWS = 2_000;
/** A change of the list every so many flows. */
const CHANGE_EVERY = 250;

/**
 * What each algorithm gives to the same flows, as connections open and close and backends come, go and change: all of it
 * follows from the seed. It imports what runs in a browser, too.
 *
 * @returns by algorithm: a letter a flow, the backend's, or `-` for none.
 */
export function simulatedPicks(seed: number): Record<string, string> {
  return Object.fromEntries(algorithmNames.map((name) => [name, picksOf(name, seed)]));
}

function picksOf(algorithm: (typeof algorithmNames)[number], seed: number): string {
  const clock = manualClock();
  const chance = seededRandom(seed ^ 1);
  const backends = [..."abcdef"].map((id, index) => ({ id, weight: 1 + (index % 3) }));
  const balancer = createBalancer({ algorithm }, backends, { random: seededRandom(seed), clock });
  const open: Lease[] = [];
  let picks = "";
  for (const [index, flow] of sampleFlows(FLOWS, seed).entries()) {
    clock.advance(chance.below(20));
    if (index % CHANGE_EVERY === CHANGE_EVERY - 1) {
      const left = backends.filter(({ id }) => id === "a" || chance.below(4) > 0);
      balancer.update(left.map(({ id }) => ({ id, weight: chance.below(4) })));
    }
    const lease = balancer.acquire(flow);
    picks += lease?.backend ?? "-";
    if (lease !== undefined) open.push(lease);
    if (open.length > 0 && chance.below(2) === 0) open.splice(chance.below(open.length), 1)[0]!.release();
  }
  return picks;
}
