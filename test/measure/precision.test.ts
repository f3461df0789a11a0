import assert from "node:assert/strict";
import { seededRandom } from "../../src/core/random.ts";
import type { Slice } from "../../src/measure/experiment.ts";
import { geometricMeanInterval } from "../../src/measure/intervals.ts";
import { FEWEST_BEFORE_LOOKING, isPrecise, reach } from "../../src/measure/precision.ts";
import { runs } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { noises } from "./noise.ts";
import { experiment, plan } from "./synthetic.ts";

const test = suite("precision", { timeoutMs: 120_000 });

function withOperations(slice: Slice, operations: number): Slice {
  return { ...slice, sample: { ...slice.sample, operations } };
}

/** The six made-up blocks, and the same again under the numbers that follow. */
function twelveBlocks() {
  const { slices } = experiment();
  const counted = slices.filter(({ block }) => block > 0);
  return [...counted, ...counted.map((slice) => Object.assign({ ...slice }, { block: slice.block + 6 }))];
}

test("it looks after ten blocks, and at the ratio that is known worst", () => {
  const slices = twelveBlocks();
  // Ratios lie 2 % apart at most: a standard deviation near 1.4 %, and a reach of 2.2 × 1.4 % / √12 = 0.9 %.
  assert.ok(isPrecise(plan, slices, 0.02));
  assert.ok(!isPrecise(plan, slices, 0.002));
  assert.ok(
    !isPrecise(
      plan,
      slices.filter(({ block }) => block < FEWEST_BEFORE_LOOKING),
      0.5,
    ),
  );
  const isOdd = ({ cell, block }: Slice): boolean =>
    cell.subject === 2 && cell.work === "udp-request-response" && block % 2 === 1;
  const worse = slices.map((slice) => (isOdd(slice) ? withOperations(slice, 5000) : slice));
  assert.ok(!isPrecise(plan, worse, 0.02));
});

test("a block in which a subject did nothing is never enough", () => {
  const slices = twelveBlocks().map((slice, at) => (at === 5 ? withOperations(slice, 0) : slice));
  assert.ok(!isPrecise(plan, slices, 1));
});

test("the reach is half of Student's interval", () => {
  // Standard deviation 3.0277, standard error 0.9574, t at 9 degrees of freedom 2.262.
  const half = reach([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.ok(Math.abs(half - 2.166) < 0.003, `${half}`);
  assert.equal(reach([1, 2, 3]), Infinity);
});

for (const [name, noise] of Object.entries(noises)) {
  const experiments = runs(3000, 500);
  test(`a run that ends when it is precise still holds the true ratio in 93…97 % of ${experiments}: ${name}`, () => {
    const random = seededRandom(2025);
    const truth = 0.6;
    let held = 0;
    let blocks = 0;
    for (let run = 0; run < experiments; run += 1) {
      const logs: number[] = [];
      while (logs.length < 30 && !(reach(logs) <= Math.log1p(0.02))) logs.push(Math.log(truth) + noise(random));
      const { low, high } = geometricMeanInterval(logs.map(Math.exp), run);
      if (low! <= truth && truth <= high!) held += 1;
      blocks += logs.length;
    }
    const share = held / experiments;
    assert.ok(share >= 0.93 && share <= 0.97, `held in ${(share * 100).toFixed(1)} %, ${blocks / experiments} blocks`);
  });
}
