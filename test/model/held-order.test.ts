import assert from "node:assert/strict";
import * as fc from "fast-check";
import { createHeldOrder } from "../../src/model/held-order.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("model: an order that is held");

interface Thing {
  readonly key: number;
}

const byKey = (a: Thing, b: Thing): number => a.key - b.key;
const thing = fc.nat(5).map((key): Thing => ({ key }));

test("whatever lists follow each other: each is sorted, and what compares alike stays in order", () => {
  const property = fc.property(fc.array(fc.array(thing, { maxLength: 8 }), { maxLength: 8 }), (lists) => {
    const sort = createHeldOrder(byKey);
    for (const list of lists) {
      const expected = list.toSorted(byKey);
      assert.ok(sort(list).every((one, at) => one === expected[at]));
      assert.equal(sort(list).length, expected.length);
    }
  });
  fc.assert(property, { seed, numRuns: runs(3000, 300) });
});

test("other things that compare alike take the places of those before, without a sort", () => {
  let compared = 0;
  const sort = createHeldOrder<Thing>((a, b) => {
    compared += 1;
    return byKey(a, b);
  });
  const keys = Array.from({ length: 64 }, (_, at) => (at * 37) % 64);
  sort(keys.map((key) => ({ key })));
  compared = 0;
  const again = keys.map((key) => ({ key }));
  assert.deepEqual(
    sort(again).map(({ key }) => key),
    keys.toSorted((a, b) => a - b),
  );
  assert.ok(sort(again).every((one) => again.includes(one)));
  assert.equal(compared, keys.length);
});
