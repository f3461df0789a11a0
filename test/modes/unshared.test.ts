import assert from "node:assert/strict";
import * as fc from "fast-check";
import { unshared } from "../../src/modes/unshared.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("what two lists do not share");

test("is what the other list does not hold, in order, however they were mixed", () => {
  const things = Array.from({ length: 8 }, (_, id) => ({ id }));
  const list = fc.shuffledSubarray(things);
  const property = fc.property(list, list, (before, after) => {
    assert.deepEqual(unshared(before, after), {
      before: before.filter((one) => !after.includes(one)),
      after: after.filter((one) => !before.includes(one)),
    });
  });
  fc.assert(property, { seed, numRuns: runs(20_000, 2000) });
});

test("things that are alike are not the same", () => {
  const [one, other] = [{ id: 1 }, { id: 1 }];
  const both = unshared([one], [other]);
  assert.equal(both.before[0], one);
  assert.equal(both.after[0], other);
});
