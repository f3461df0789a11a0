import assert from "node:assert/strict";
import * as fc from "fast-check";
import { joiningBlocks } from "../../src/modes/joining-blocks.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("blocks that are joined");

const things = Array.from({ length: 700 }, (_, i) => ({ i }));
type Thing = (typeof things)[number];
const numbers = (all: readonly Thing[]): readonly number[] => all.map(({ i }) => i);

test("whatever comes, goes and moves, it is the join of all, in order", () => {
  const anyLists = fc.array(
    fc.tuple(fc.nat(things.length), fc.nat(things.length), fc.array(fc.nat(things.length - 1), { maxLength: 3 })),
    { minLength: 2, maxLength: 6 },
  );
  const property = fc.property(anyLists, (steps) => {
    const join = joiningBlocks(numbers);
    for (const [from, to, moved] of steps) {
      const list = [...things.slice(Math.min(from, to), Math.max(from, to)), ...moved.map((at) => things[at]!)];
      assert.deepEqual(join(list).flat(), numbers(list));
    }
  });
  fc.assert(property, { seed, numRuns: runs(2000, 200) });
});

test("of 700 things of which one is another, one block of 128 is joined again", () => {
  const joined: number[] = [];
  const join = joiningBlocks((block: readonly Thing[]) => {
    joined.push(block.length);
    return numbers(block);
  });
  join(things);
  assert.deepEqual(joined.splice(0), [128, 128, 128, 128, 128, 60]);
  const before = join(things);
  assert.deepEqual(joined, []);
  const after = join(things.with(300, { i: -1 }));
  assert.deepEqual(joined.splice(0), [128]);
  assert.equal(after[1], before[1]);
  assert.deepEqual(
    after[2]!.filter((i) => !before[2]!.includes(i)),
    [-1],
  );
  join(things.slice(0, 650));
  assert.deepEqual(joined, [128, 10], "the one that is as before, and the last, which is shorter");
});
