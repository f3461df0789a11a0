import assert from "node:assert/strict";
import * as fc from "fast-check";
import { fillInTurns, turnsByWeight } from "../../src/balancers/maglev-table.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { assertChance } from "../support/chance.ts";
import { sampleFlows } from "../support/flows.ts";
import { equalWeights, hashedBackends, hitsOf, slotsOf } from "../support/hashed-backends.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("maglev");
const SIZE = 65_537;

/** How many of the first entries each member takes. */
function countsOf(weights: readonly number[], entries: number): number[] {
  const counts = weights.map(() => 0);
  for (const member of turnsByWeight(weights, entries).subarray(0, entries)) counts[member]! += 1;
  return counts;
}

test("fills the tables of the paper's example, before and after B1 goes", () => {
  // NSDI 2016, table 1: offsets 3, 0, 3 and skips 4, 2, 1 in a table of 7.
  const fill = (members: readonly number[]): number[] => {
    const table = new Int32Array(7);
    fillInTurns(table, {
      slots: members,
      turns: turnsByWeight(equalWeights(members.length), 7),
      offsets: Int32Array.from(members, (member) => [3, 0, 3][member]!),
      skips: Int32Array.from(members, (member) => [4, 2, 1][member]!),
    });
    return [...table];
  };
  assert.deepEqual(fill([0, 1, 2]), [1, 0, 1, 0, 2, 2, 0]);
  assert.deepEqual(fill([0, 2]), [0, 0, 0, 0, 2, 2, 2]);
});

test("gives weights 1 and 2 the 21 846 and 43 691 entries of 65 537 that Envoy's documentation tells of", () => {
  assert.deepEqual(countsOf([1, 2], SIZE), [21_846, 43_691]);
  assert.deepEqual(countsOf([2, 1], SIZE), [43_691, 21_846]);
});

test("gives every backend an entry, and as many turns as its weight has had by the round that fills the table", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 3 })), {
        minLength: 1,
        maxLength: 60,
      }),
      fc.integer({ min: 60, max: 3000 }),
      (weights, entries) => {
        const counts = countsOf(weights, entries);
        const largest = Math.max(...weights);
        // After round t a backend of weight w has had 1 + ⌊t·w/v⌋ turns, the heaviest t; the last round may be cut short.
        const heaviest = Math.max(...counts.filter((_, member) => weights[member] === largest));
        for (const [member, weight] of weights.entries()) {
          const after = (round: number): number =>
            weight === largest ? round : 1 + Math.floor((round * weight) / largest);
          assert.ok(counts[member]! >= Math.max(1, after(heaviest - 1)) && counts[member]! <= after(heaviest + 1));
        }
        assert.equal(
          counts.reduce((a, b) => a + b),
          entries,
        );
      },
    ),
    { seed, numRuns: runs(2000, 300) },
  );
});

test("spreads equal weights to within 1 % where there are 100 entries a backend: the counts differ by one", () => {
  const counts = countsOf(equalWeights(655), SIZE);
  assert.deepEqual([Math.min(...counts), Math.max(...counts)], [100, 101]);
});

const flows = sampleFlows(100_000, seed);

test("is the same table on every host, whatever the order of the list", () => {
  const weights = Array.from({ length: 50 }, (_, slot) => 1 + (slot % 4));
  const [one, other] = [undefined, [...weights.keys()].reverse()].map((order) =>
    slotsOf(hashedBackends("maglev", weights, {}, order), flows),
  );
  assert.deepEqual(one, other);
});

/**
 * Beside the flows of the backend that leaves, which have to move, some of the others' do. There is no formula for it
 * in the paper; what is asserted is the mean that 60 of n leaving backends gave, times n, and how far it may be off: six
 * standard deviations between backends (0.028 and 0.18), and six of the draws.
 */
for (const [count, others, spread] of [
  [100, 0.574, 0.028],
  [1000, 5.76, 0.18],
] as const) {
  test(`of ${count} backends one leaves: its flows move, 1/${count}, and ${others}/${count} of all from others to others`, () => {
    const driven = hashedBackends("maglev", equalWeights(count));
    const before = slotsOf(driven, flows);
    driven.remove(7);
    const after = slotsOf(driven, flows);
    const own = before.filter((slot) => slot === 7).length;
    const moved = before.filter((slot, flow) => slot !== 7 && slot !== after[flow]).length;
    // It had 65 537 / n entries, to within one.
    assertChance(own, flows.length, 1 / count, `seed ${seed}: flows of the one that left`);
    const chance = others / count;
    const tolerance = 6 * (spread / count + Math.sqrt((chance * (1 - chance)) / flows.length));
    assert.ok(Math.abs(moved / flows.length - chance) <= tolerance, `seed ${seed}: ${moved} moved`);
    driven.add(7, 1, undefined, { low: driven.set.identityLow[7]!, high: driven.set.identityHigh[7]! });
    assert.deepEqual(slotsOf(driven, flows), before);
  });
}

test("a backend of weight 0 has no entries; a table with fewer entries than backends leaves some without", () => {
  assert.equal(hitsOf(hashedBackends("maglev", [1, 0, 1]), slotsOf(hashedBackends("maglev", [1, 0, 1]), flows))[1], 0);
  const small = hashedBackends("maglev", equalWeights(9), { tableSize: 5 });
  assert.equal(hitsOf(small, slotsOf(small, flows)).filter((n) => n > 0).length, 5);
  // The others have the flow when the five may not take it.
  for (const [slot, hits] of hitsOf(small, slotsOf(small, flows)).entries()) {
    if (hits > 0) small.limit(slot, { upper: 1, lower: 0 });
    if (hits > 0) small.count(slot, { active: 1 });
  }
  assert.notEqual(small.balancer.pick(flows[0]!, 0), -1);
});

test("refuses a table size that is not a prime in 2…5000011", () => {
  for (const tableSize of [0, 1, 4, 65_536, 65_539.5, 5_000_013, 5_000_021, -7, Number.NaN, "7", null, Infinity]) {
    assert.throws(() => algorithm("maglev", { tableSize }), {
      code: "BALANCER_INVALID",
      details: { path: "tableSize", expected: "a prime of at most 5000011", received: String(tableSize) },
    });
  }
  for (const tableSize of [2, 3, 65_537, 5_000_011]) assert.equal(algorithm("maglev", { tableSize }).name, "maglev");
});
