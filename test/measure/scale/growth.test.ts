import assert from "node:assert/strict";
import { growthOf } from "../../../src/measure/scale/growth.ts";
import { geometricMeanInterval, type IntervalRequest } from "../../../src/measure/intervals.ts";
import { suite } from "../../support/suite.ts";
import { cutAfter, experiment, plan } from "../synthetic.ts";

const test = suite("growth");
const estimate = (requests: readonly IntervalRequest[]) =>
  Promise.resolve(requests.map(({ values, seed }) => geometricMeanInterval(values, seed)));
const pair = (from: number, to: number) => ({
  like: "iptables@kernel",
  from: { services: 10, subject: from },
  to: { services: 1000, subject: to },
});

test("a ratio within each block says what grows, what falls, and what does not differ", async () => {
  const growth = await growthOf([pair(0, 2), pair(0, 1)], plan.works.slice(0, 1), experiment(), 1, estimate, []);
  const [rate, median, sameRate] = growth;
  // Subject 2 does 0.4 of subject 0 and takes three times as long, whatever a block does to both.
  assert.ok(Math.abs(rate!.ratio.value! - 0.4) < 0.01 && rate!.grows === false && rate!.same === false);
  assert.ok(Math.abs(median!.ratio.value! - 3) < 0.05 && median!.grows === true && median!.same === false);
  assert.deepEqual([rate!.figure, median!.figure, rate!.from.value, rate!.to.value], ["rate", "p50", 10, 1000]);
  // Subject 1 is subject 0 once more, to 2 %.
  assert.equal(sameRate!.same, true);
});

test("where the control differs what is said is doubtful; where nobody can tell that, too", async () => {
  const ratio = { value: 1.1, interval: [1.05, 1.15], unit: "1" } as const;
  const [work, other] = plan.works;
  const control = [{ work: work!, ratio, holdsOne: false }];
  const growth = await growthOf([pair(0, 2)], plan.works, experiment(), 1, estimate, control);
  const doubts = new Map(growth.map((one) => [one.work, one.doubtful]));
  assert.deepEqual([doubts.get(work!), doubts.get(other!)], [true, null]);
  const sure = [{ work: work!, ratio, holdsOne: true }];
  const [first] = await growthOf([pair(0, 2)], plan.works, experiment(), 1, estimate, sure);
  assert.equal(first!.doubtful, false);
});

test("with too few blocks nothing is said", async () => {
  const growth = await growthOf([pair(0, 2)], plan.works, cutAfter(2), 1, estimate, []);
  for (const { ratio, same, grows } of growth) assert.deepEqual([ratio.interval, same, grows], [null, null, null]);
});
