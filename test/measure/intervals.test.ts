import assert from "node:assert/strict";
import { seededRandom } from "../../src/core/random.ts";
import { FEWEST_BLOCKS, geometricMeanInterval } from "../../src/measure/intervals.ts";
import { runs } from "../support/seed.ts";
import { studentT } from "../../src/measure/student-t.ts";
import { suite } from "../support/suite.ts";
import { noises, normal } from "./noise.ts";

const test = suite("intervals", { timeoutMs: 120_000 });

test("the estimate is the geometric mean, and lies in its interval", () => {
  const { estimate, low, high } = geometricMeanInterval([1, 2, 4, 8, 16, 32, 64], 1);
  assert.ok(Math.abs(estimate! - 8) < 1e-12);
  assert.ok(low! < 8 && 8 < high!);
});

test("of fewer than ten blocks it is Student's interval, on logarithms", () => {
  // Logs −3…3: mean 0, standard error √(28/6/7) = 0.8165, Student's t at 6 degrees of freedom 2.447: ±1.998.
  const values = [-3, -2, -1, 0, 1, 2, 3].map(Math.exp);
  const { low, high } = geometricMeanInterval(values, 1);
  for (const end of [-Math.log(low!), Math.log(high!)]) assert.ok(Math.abs(end - 1.998) < 0.002, `${end}`);
});

test("Student's t is that of the tables, to one part in a thousand", () => {
  const table = { 4: 2.776, 5: 2.571, 7: 2.365, 9: 2.262, 15: 2.131, 29: 2.045, 120: 1.98 };
  for (const [degrees, t] of Object.entries(table)) {
    assert.ok(Math.abs(studentT(Number(degrees)) / t - 1) < 0.001, `${degrees}: ${studentT(Number(degrees))}`);
  }
});

test("the interval of a/b is that of b/a turned over, up to the resampling", () => {
  const ratios = [0.5, 0.52, 0.49, 0.55, 0.5, 0.47, 0.51, 0.53, 0.5, 0.48];
  const ab = geometricMeanInterval(ratios, 3);
  const ba = geometricMeanInterval(
    ratios.map((ratio) => 1 / ratio),
    3,
  );
  assert.ok(Math.abs(ab.estimate! * ba.estimate! - 1) < 1e-12);
  assert.ok(Math.abs(ab.low! * ba.high! - 1) < 0.002, `${ab.low! * ba.high!}`);
  assert.ok(Math.abs(ab.high! * ba.low! - 1) < 0.002, `${ab.high! * ba.low!}`);
});

test("the same seed gives the same interval, another one almost the same", () => {
  const values = [10, 11, 9, 10.5, 9.7, 10.1, 10.2, 9.9, 10.4, 9.6];
  assert.deepEqual(geometricMeanInterval(values, 5), geometricMeanInterval(values, 5));
  const [a, b] = [geometricMeanInterval(values, 5), geometricMeanInterval(values, 6)];
  assert.notEqual(a.low, b.low);
  assert.ok(Math.abs(a.low! / b.low! - 1) < 0.005);
});

test("blocks that are all alike have an interval of no width", () => {
  const { estimate, low, high } = geometricMeanInterval([7, 7, 7, 7, 7, 7], 1);
  for (const value of [estimate, low, high]) assert.ok(Math.abs(value! - 7) < 1e-12);
});

test("one stalled block among others that are alike widens the interval, and not up to infinity", () => {
  for (const noise of [0, 1e-9, 1e-4]) {
    const random = seededRandom(5);
    const values = Array.from({ length: 12 }, (_, at) => (at === 5 ? 65 : Math.exp(noise * normal(random))));
    const { estimate, low, high } = geometricMeanInterval(values, 1);
    assert.ok(low! < 1 && estimate! < high! && high! < 65, `${noise}: ${low} ${estimate} ${high}`);
  }
});

test("too few blocks, a zero, nothing and no number have no interval", () => {
  const few = geometricMeanInterval([1, 2, 4, 8].slice(0, FEWEST_BLOCKS - 1), 1);
  assert.ok(few.estimate !== undefined && few.low === undefined && few.high === undefined);
  assert.deepEqual(geometricMeanInterval([1, 2, 0, 3, 4, 5], 1), { estimate: 0, low: undefined, high: undefined });
  const nothing = { estimate: undefined, low: undefined, high: undefined };
  assert.deepEqual(geometricMeanInterval([], 1), nothing);
  assert.deepEqual(geometricMeanInterval([1, 2, 3, 4, 5, Number.NaN], 1), nothing);
});

const cases = Object.entries(noises).flatMap(([name, noise]) => {
  // Fewer than ten blocks have Student's interval, which takes noise to be normal.
  const counts = name === "normal" ? [5, 10, 12] : [12];
  return counts.map((blocks) => ({ name, noise, blocks }));
});

for (const { name, noise, blocks } of cases) {
  const experiments = runs(3000, 600);
  test(`the interval of a ratio holds the true one in 93…97 % of ${experiments} experiments of ${blocks} blocks: ${name}`, () => {
    const random = seededRandom(2024);
    const truth = 0.6;
    let held = 0;
    for (let experiment = 0; experiment < experiments; experiment += 1) {
      const ratios = Array.from({ length: blocks }, () => {
        // The host slows down both subjects of a block alike; that must cancel.
        const host = Math.exp(0.3 * normal(random));
        return (truth * host * Math.exp(noise(random))) / host;
      });
      const { low, high } = geometricMeanInterval(ratios, experiment);
      if (low! <= truth && truth <= high!) held += 1;
    }
    const share = held / experiments;
    assert.ok(share >= 0.93 && share <= 0.97, `held in ${(share * 100).toFixed(1)} %`);
  });
}
