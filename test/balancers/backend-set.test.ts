import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  backendSetBytes,
  copyBackends,
  createBackendSet,
  growBackendSet,
  holds,
  linkFirst,
  listed,
  MAX_WEIGHT,
  unlink,
  usable,
  viewBackendSet,
} from "../../src/balancers/backend-set.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("backend set");

test("puts a new backend at the head, and says so in the ages", () => {
  const set = createBackendSet(3);
  for (const slot of [1, 0, 2]) linkFirst(set, slot, 5);
  assert.deepEqual(listed(set), [2, 0, 1]);
  assert.ok(set.age[2]! > set.age[0]! && set.age[0]! > set.age[1]!);
  assert.equal(set.weight[0], 5);
});

test("keeps the counts of a backend that leaves, for when it comes back to the head", () => {
  const set = createBackendSet(2);
  linkFirst(set, 0, 1);
  linkFirst(set, 1, 1);
  set.active[0] = 3;
  unlink(set, 0);
  assert.equal(holds(set, 0), false);
  assert.equal(set.prev[0], 1);
  linkFirst(set, 0, 9);
  assert.deepEqual([listed(set), set.active[0], set.weight[0]], [[0, 1], 3, 9]);
});

test("is a list like any other, on any run of links and unlinks", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(4)), (slots) => {
      const set = createBackendSet(5);
      let model: number[] = [];
      for (const slot of slots) {
        assert.equal(holds(set, slot), model.includes(slot));
        if (holds(set, slot)) unlink(set, slot);
        else linkFirst(set, slot, 1);
        model = model.includes(slot) ? model.filter((one) => one !== slot) : [slot, ...model];
        assert.deepEqual(listed(set), model);
      }
    }),
    { seed, numRuns: runs(2000, 200) },
  );
});

test("numbers the ages anew when they run out, in the same order", () => {
  const set = createBackendSet(4);
  for (const slot of [2, 0]) linkFirst(set, slot, 1);
  set.age[set.capacity] = 2 ** 31 - 1;
  for (const slot of [3, 1]) linkFirst(set, slot, 1);
  assert.deepEqual(listed(set), [1, 3, 0, 2]);
  assert.deepEqual(
    listed(set).map((slot) => set.age[slot]),
    [4, 3, 2, 1],
  );
});

test("a slot is usable as long as its weight is above 0", () => {
  const set = createBackendSet(2);
  linkFirst(set, 0, 0);
  linkFirst(set, 1, MAX_WEIGHT);
  assert.deepEqual([usable(set, 0), usable(set, 1), MAX_WEIGHT], [false, true, 65_535]);
});

test("a slot is not usable while it is overloaded", () => {
  const set = createBackendSet(1);
  linkFirst(set, 0, 1);
  set.overloaded[0] = 1;
  assert.equal(usable(set, 0), false);
  set.overloaded[0] = 0;
  assert.equal(usable(set, 0), true);
});

test("is copied with every slot's weight and thresholds, without its counts", () => {
  const set = createBackendSet(2);
  for (const slot of [0, 1]) linkFirst(set, slot, 7 + slot);
  set.upper.set([9, 5]);
  set.lower.set([3, 4]);
  set.overloaded.set([0, 1]);
  set.active.set([2, 5]);
  unlink(set, 0);
  const copy = createBackendSet(3);
  copyBackends(set, copy);
  assert.deepEqual(listed(copy), [1]);
  const columns = [copy.weight, copy.upper, copy.lower, copy.overloaded, copy.active];
  assert.deepEqual(
    columns.map((column) => Array.from(column.subarray(0, 3))),
    [
      [7, 8, 0],
      [9, 5, 0],
      [3, 4, 0],
      [0, 1, 0],
      [0, 0, 0],
    ],
  );
});

test("is seen by all that lie over its memory, wherever it starts", () => {
  const memory = new SharedArrayBuffer(16 + backendSetBytes(6));
  const mine = createBackendSet(6, memory, 16);
  const theirs = viewBackendSet(memory, 16, 6);
  for (const slot of [5, 0]) linkFirst(mine, slot, 2);
  theirs.inactive[5] = 7;
  linkFirst(theirs, 3, 1);
  assert.deepEqual([listed(mine), mine.inactive[5]], [[3, 0, 5], 7]);
  assert.ok(new Int32Array(memory, 0, 4).every((word) => word === 0));
  assert.ok([1, 2, 3, 65_535].every((capacity) => backendSetBytes(capacity) % 8 === 0));
});

test("grows with every slot's number, counts and place kept", () => {
  const set = createBackendSet(3);
  for (const slot of [0, 2, 1]) linkFirst(set, slot, slot + 10);
  set.active.set([1, 2, 3]);
  set.inactive.set([4, 5, 6]);
  unlink(set, 2);
  const grown = growBackendSet(set, 5);
  assert.deepEqual(listed(grown), [1, 0]);
  assert.deepEqual([...grown.active.subarray(0, 5)], [1, 2, 3, 0, 0]);
  assert.deepEqual([...grown.inactive.subarray(0, 5)], [4, 5, 6, 0, 0]);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((slot) => holds(grown, slot)),
    [true, true, false, false, false],
  );
  assert.deepEqual([grown.weight[0], grown.weight[1]], [10, 11]);
});

test("knows who is in a slot, also after it left the list and the set grew; by default it is the slot itself", () => {
  const set = createBackendSet(3);
  linkFirst(set, 0, 1, { low: 0x0af40001, high: -5 });
  linkFirst(set, 1, 1);
  unlink(set, 0);
  const grown = growBackendSet(set, 4);
  assert.deepEqual([grown.identityLow[0], grown.identityHigh[0]], [0x0af40001, -5]);
  assert.deepEqual([grown.identityLow[1], grown.identityHigh[1]], [1, 0]);
});
