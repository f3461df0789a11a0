import assert from "node:assert/strict";
import { seededRandom } from "../../src/core/random.ts";
import { estimateIntervals } from "../../src/lab/estimate.ts";
import { geometricMeanInterval, type IntervalRequest } from "../../src/measure/intervals.ts";
import { suite } from "../support/suite.ts";

const test = suite("intervals in the pool");

test("the pool gives what this thread would give, in the order of the requests", async () => {
  const requests: IntervalRequest[] = Array.from({ length: 9 }, (_, at) => ({
    values: [1, 2, 3, 4, 5, 6, 7].map((value) => value + at),
    seed: at,
  }));
  requests.push({ values: [], seed: 1 });
  const expected = requests.map(({ values, seed }) => geometricMeanInterval(values, seed));
  assert.deepEqual(await estimateIntervals(requests), expected);
});

test("one, two and three threads give the same, to the last digit", async () => {
  const noise = seededRandom(5);
  const requests: IntervalRequest[] = Array.from({ length: 24 }, (_, seed) => ({
    // Some for Student's t, most for the bootstrap.
    values: Array.from({ length: 8 + (seed % 9) }, () => 100 + noise.below(40)),
    seed,
  }));
  const expected = requests.map(({ values, seed }) => geometricMeanInterval(values, seed));
  for (const threads of [1, 2, 3]) assert.deepEqual(await estimateIntervals(requests, threads), expected, `${threads}`);
});

test("nothing to estimate is no work", async () => {
  assert.deepEqual(await estimateIntervals([]), []);
});
