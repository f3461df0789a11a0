import assert from "node:assert/strict";
import * as fc from "fast-check";
import { createBackendSet } from "../../src/balancers/backend-set.ts";
import type { Balancer } from "../../src/balancers/balancer.ts";
import { createBalancer, manualClock, seededRandom } from "../../src/balancers/index.ts";
import { recentQuantile, recentQuantileWords } from "../../src/balancers/recent-quantile.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { assertChance } from "../support/chance.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("prequal");
const flow = sampleFlows(1, 1)[0]!;
/** Answers stay until they are old, or replaced, or the pool is full. */
const keep = { removesPerPick: 0, probesPerPick: 0.1 };

function driven(backends: number, options: object): DrivenSet {
  const { create, stateWords } = algorithm("prequal", options);
  const set = createBackendSet(backends);
  const subject = new DrivenSet(set, create(set, new Int32Array(stateWords(backends)), seededRandom(seed)));
  for (let slot = 0; slot < backends; slot += 1) subject.add(slot, 1);
  return subject;
}

/** Slots 0, 1, … answer, with so many requests in flight and these latencies. */
function answer(
  balancer: Balancer,
  answers: readonly (readonly [inFlight: number, latencyMs: number])[],
  nowMs = 0,
): void {
  for (const [slot, [inFlight, latencyMs]] of answers.entries()) balancer.probed!(slot, inFlight, latencyMs, nowMs);
}

test("takes the smallest latency among the cold ones: a hot one may be quick, it is not taken", () => {
  const { balancer } = driven(8, { ...keep, hotQuantile: 0.5 });
  // Half of the answers have at most 2 in flight: who has more is hot.
  answer(balancer, [
    [9, 1],
    [2, 40],
    [1, 30],
    [8, 2],
  ]);
  assert.equal(balancer.pick(flow, 0), 2);
  const { rule, candidates } = balancer.explain(flow, 0);
  assert.match(rule, /smallest latency among the cold ones/);
  assert.deepEqual(
    candidates.map(({ slot, meaning }) => `${slot} ${meaning.split("; ")[1]}`),
    ["0 hot", "1 cold", "2 cold", "3 hot"],
  );
});

test("takes the fewest requests in flight where all are hot", () => {
  const { balancer } = driven(8, { ...keep, hotQuantile: 0.5 });
  // Slots 4 to 7 answered before, with none in flight; they went away.
  for (const slot of [4, 5, 6, 7]) balancer.probed!(slot, 0, 1, 0);
  answer(
    balancer,
    [
      [7, 1],
      [5, 90],
      [6, 2],
    ],
    2000,
  );
  assert.equal(balancer.pick(flow, 2000), 1);
});

test("a pick counts itself into the answer that it used", () => {
  const { balancer } = driven(3, { ...keep, hotQuantile: 0 });
  // With a quantile of 0 only the fewest in flight are cold.
  answer(balancer, [
    [1, 50],
    [2, 5],
    [9, 1],
  ]);
  // 1, then 2 against 2, both hot by now: the one that answered first.
  assert.deepEqual(
    Array.from({ length: 5 }, () => balancer.pick(flow, 0)),
    [0, 0, 1, 0, 1],
  );
});

test("draws among all usable ones as long as fewer than two answered, lately", () => {
  const subject = driven(4, keep);
  const { balancer } = subject;
  subject.reweigh(3, 0);
  balancer.probed!(0, 0, 1, 0);
  const counts = [0, 0, 0, 0];
  for (let pick = 0; pick < 30_000; pick += 1) counts[balancer.pick(flow, 0)]! += 1;
  for (const slot of [0, 1, 2]) assertChance(counts[slot]!, 30_000, 1 / 3, `seed ${seed}: slot ${slot}`);
  assert.equal(counts[3], 0);
  balancer.probed!(1, 0, 2, 900);
  assert.equal(balancer.explain(flow, 1000).slot, 0);
  // The answer of slot 0 is older than a second.
  assert.equal(balancer.explain(flow, 1000.5).slot, undefined);
});

test("keeps a backend's newest answer, and of all the newest ones", () => {
  const { balancer } = driven(5, { ...keep, poolSize: 3, hotQuantile: 1 });
  const pooled = (): number[] => balancer.explain(flow, 0).candidates.map(({ slot }) => slot);
  answer(balancer, [
    [1, 10],
    [1, 20],
    [1, 30],
  ]);
  assert.equal(balancer.explain(flow, 0).slot, 0);
  balancer.probed!(0, 1, 25, 0);
  assert.deepEqual([pooled(), balancer.explain(flow, 0).slot], [[1, 2, 0], 1]);
  balancer.probed!(3, 1, 40, 0);
  assert.deepEqual([pooled(), balancer.explain(flow, 0).slot], [[2, 0, 3], 0]);
});

test("forgets the answer of a backend that leaves, and passes over one that may not take flows", () => {
  const subject = driven(4, keep);
  answer(subject.balancer, [
    [1, 10],
    [1, 20],
    [1, 30],
    [1, 40],
  ]);
  subject.remove(0);
  subject.add(0, 1);
  subject.limit(1, { upper: 1, lower: 0 });
  subject.count(1, { active: 1 });
  assert.equal(subject.balancer.pick(flow, 0), 2);
});

test("lets an answer serve as many picks as the rates allow, and carries fractions over", () => {
  const usesOf = (options: object, answers: number): number[] => {
    const { balancer } = driven(10, { poolSize: 2, hotQuantile: 1, removesPerPick: 0, ...options });
    // The most in flight that was ever heard of: nobody is hot.
    balancer.probed!(9, 1_000_000, 1, 0);
    return Array.from({ length: answers }, () => {
      balancer.probed!(0, 0, 1, 0);
      let uses = 0;
      do {
        balancer.probed!(1, 0, 2, 0);
        uses += Number(balancer.pick(flow, 0) === 0);
      } while (uses < 50 && balancer.explain(flow, 0).candidates.some(({ slot }) => slot === 0));
      return uses;
    });
  };
  // 2 / ((1 − 2/10) × probes): 4, and 2.25, of which the other's answers have their parts, too.
  assert.deepEqual(usesOf({ probesPerPick: 0.625 }, 3), [4, 4, 4]);
  assert.deepEqual(new Set(usesOf({ probesPerPick: 10 / 9 }, 12)), new Set([2, 3]));
  // At least one, however many probes there are; no limit where no more come in than go.
  assert.deepEqual(usesOf({ probesPerPick: 100 }, 2), [1, 1]);
  assert.deepEqual(usesOf({ probesPerPick: 1, poolSize: 10 }, 1), [50]);
});

test("after each pick the oldest or the worst goes, in turn", () => {
  const { balancer } = driven(8, { probesPerPick: 0.1, removesPerPick: 1, hotQuantile: 0.84 });
  const pooled = (): number[] => balancer.explain(flow, 0).candidates.map(({ slot }) => slot);
  answer(balancer, [
    [1, 50],
    [1, 10],
    [9, 5],
    [1, 90],
    [1, 20],
    [1, 30],
    [1, 40],
  ]);
  balancer.pick(flow, 0);
  assert.deepEqual(pooled(), [1, 2, 3, 4, 5, 6]);
  // Slot 2 is the only hot one of seven; slot 1, picked, has 2 in flight now and is hot as well, but less so.
  balancer.pick(flow, 0);
  assert.deepEqual(pooled(), [1, 3, 4, 5, 6]);
  balancer.pick(flow, 0);
  assert.deepEqual(pooled(), [3, 4, 5, 6]);
});

test("createBalancer hands probes on, and refuses what cannot be an answer", () => {
  const clock = manualClock();
  const balancer = createBalancer(
    { algorithm: "prequal", hotQuantile: 1, removesPerPick: 0 },
    [{ id: "a" }, { id: "b" }, { id: "c" }],
    { clock, random: seededRandom(seed) },
  );
  balancer.probed("b", { inFlight: 3, latencyMs: 5 });
  balancer.probed("c", { inFlight: 3, latencyMs: 9 });
  assert.equal(balancer.acquire(flow)!.backend, "b");
  clock.advance(1001);
  assert.equal(balancer.explain(flow).byChance, true);
  for (const wrong of [
    { inFlight: -1, latencyMs: 1 },
    { inFlight: 1, latencyMs: Number.NaN },
  ]) {
    assert.throws(() => balancer.probed("a", wrong), { code: "BALANCER_INVALID" });
  }
  assert.throws(() => balancer.probed("z", { inFlight: 1, latencyMs: 1 }), { code: "BALANCER_INVALID" });
});

test("refuses options that cannot be", () => {
  for (const [option, value] of [
    ["poolSize", 1],
    ["poolSize", 1.5],
    ["maxAgeMs", 0],
    ["maxAgeMs", Number.NaN],
    ["hotQuantile", 1.01],
    ["hotQuantile", -0.1],
    ["probesPerPick", 0],
    ["removesPerPick", Infinity],
    ["quantile", 0.5],
  ] as const) {
    assert.throws(
      () => algorithm("prequal", { [option]: value }),
      (error: { code: string; details: { path: string } }) =>
        error.code === "BALANCER_INVALID" && error.details.path === option,
      `${option} ${value}`,
    );
  }
});

test("the quantile of the last numbers is the smallest one that a share of them does not exceed", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.integer({ min: -3, max: 12 }), { maxLength: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (length, numbers, share) => {
        const recent = recentQuantile(new Int32Array(recentQuantileWords(length)), length);
        assert.equal(recent.quantile(share), undefined);
        for (const [count, number] of numbers.entries()) {
          recent.add(number);
          const last = numbers.slice(0, count + 1).slice(-length);
          const fits = (limit: number): boolean => last.filter((one) => one <= limit).length >= share * last.length;
          assert.equal(recent.quantile(share), last.filter(fits).sort((a, b) => a - b)[0]);
        }
      },
    ),
    { seed, numRuns: runs(2000, 300) },
  );
});
