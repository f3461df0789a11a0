import assert from "node:assert/strict";
import { createBackendSet } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { type Random, seededRandom } from "../../src/core/random.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { ipvsRecordings, type Recording } from "../support/ipvs-recording.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("twos");
const flow = sampleFlows(1, 1)[0]!;

function twosOver(capacity: number, random: Random): DrivenSet {
  const { create, stateWords } = algorithm("twos");
  const set = createBackendSet(capacity);
  return new DrivenSet(set, create(set, new Int32Array(stateWords(capacity)), random));
}

/** A set of servers whose next pick can be asked for each pair of draws. */
class Law {
  readonly driven: DrivenSet;
  readonly #weights: number;
  #draws: number[] = [];

  constructor(weights: readonly number[]) {
    const below = (n: number): number => {
      assert.equal(n, this.#weights + 1);
      return this.#draws.shift()!;
    };
    this.driven = twosOver(weights.length, { below, u32: () => assert.fail() });
    this.#weights = weights.reduce((total, weight) => total + weight, 0);
    for (const [slot, weight] of weights.entries()) this.driven.add(slot, weight);
  }

  /** By slot: how likely it is picked, where a draw is each number in [first, W] as often. */
  chances(first: number): number[] {
    const chances = Array.from({ length: this.driven.set.capacity }, () => 0);
    const draws = this.#weights + 1 - first;
    for (let one = first; one <= this.#weights; one += 1) {
      for (let other = first; other <= this.#weights; other += 1) {
        this.#draws = [one, other];
        chances[this.driven.balancer.pick(flow, 0)]! += 1 / draws ** 2;
      }
    }
    return chances;
  }
}

interface Run {
  readonly name: string;
  readonly recording: Recording;
  readonly picks: readonly (number | null)[];
}

/** Each recording's picks on each kernel. */
function recordedRuns(): Run[] {
  const random = ipvsRecordings().filter(({ scheduler }) => scheduler === "twos");
  return random.flatMap((recording) => {
    const { name, picks, otherRuns } = recording as Recording & { readonly otherRuns: readonly Pick<Run, "picks">[] };
    return [{ picks }, ...otherRuns].map((run, nth) => ({
      name: `${name}, run ${nth + 1}`,
      recording,
      picks: run.picks,
    }));
  });
}

/** Calls back before each recorded pick, with all that had happened till then. */
function retrace({ recording, picks }: Run, picking: (law: Law, picked: number) => void): void {
  const { servers, events } = recording;
  const law = new Law(servers.map(({ weight }) => weight));
  const slots = new Map<number, number>();
  for (const event of events) {
    if (event.op === "open") {
      const slot = servers.findIndex(({ id }) => id === picks[slots.size]);
      picking(law, slot);
      slots.set(event.conn, slot);
      law.driven.count(slot, { active: 1 });
    } else if (event.op === "close") law.driven.count(slots.get(event.conn)!, { active: -1, inactive: 1 });
    else assert.fail(event.op);
  }
}

test("could have made each of 2400 recorded picks, and they are as likely as its picks are", () => {
  let count = 0;
  let likelihood = 0;
  let mean = 0;
  let variance = 0;
  let againstUnbiased = 0;
  for (const run of recordedRuns()) {
    retrace(run, (law, picked) => {
      const chances = law.chances(0);
      const surprises = chances.map((chance) => (chance > 0 ? Math.log(chance) : 0));
      assert.ok(chances[picked]! > 0, `${run.name}: pick ${count % 200} of ${picked}`);
      const expected = chances.reduce((sum, chance, slot) => sum + chance * surprises[slot]!, 0);
      count += 1;
      likelihood += surprises[picked]!;
      mean += expected;
      variance += chances.reduce((sum, chance, slot) => sum + chance * (surprises[slot]! - expected) ** 2, 0);
      againstUnbiased += surprises[picked]! - Math.log(law.chances(1)[picked]!);
    });
  }
  // If each pick follows the law, given those before it, then ln P summed up, less its mean, over its standard
  // deviation is a normal variable to the first order (martingale central limit theorem): |z| > 4 once in 16,000.
  const z = (likelihood - mean) / Math.sqrt(variance);
  console.log(
    `twos: ln P of ${count} recorded picks ${likelihood.toFixed(1)}, expected ${mean.toFixed(1)}, z ${z.toFixed(2)}`,
  );
  console.log(`twos: ${againstUnbiased.toFixed(1)} more than if draws were in [1, W]`);
  assert.equal(count, 2400);
  assert.ok(Math.abs(z) < 4, `z ${z}`);
  // e⁵: the recordings are 150 times as likely with draws in [0, W].
  assert.ok(againstUnbiased > 5, `ln of the ratio ${againstUnbiased}`);
});

test("draws the newest of equal idle backends 2/3, 1/2 and 2/11 of the time where they are 2, 3 and 10", () => {
  for (const [size, newest] of [
    [2, 2 / 3],
    [3, 1 / 2],
    [10, 2 / 11],
  ] as const) {
    const chances = new Law(Array.from({ length: size }, () => 1)).chances(0);
    assert.ok(Math.abs(chances[size - 1]! - newest) < 1e-12, `${size}: ${chances.join(" ")}`);
    assert.ok(chances.slice(0, -1).every((chance) => Math.abs(chance - 1 / (size + 1)) < 1e-12));
  }
});

test("explains the chances of a draw, which sum up to 1", () => {
  const driven = twosOver(4, seededRandom(seed));
  for (const [slot, weight] of [5, 0, 1, 3].entries()) driven.add(slot, weight);
  const { slot, candidates } = driven.balancer.explain(flow, 0);
  assert.equal(slot, undefined);
  assert.deepEqual(
    candidates.map((one) => [one.slot, one.value]),
    [
      [3, 4 / 10],
      [2, 1 / 10],
      [0, 5 / 10],
    ],
  );
});
