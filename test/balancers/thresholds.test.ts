import assert from "node:assert/strict";
import * as fc from "fast-check";
import { type BackendSet, createBackendSet, linkFirst, usable } from "../../src/balancers/backend-set.ts";
import { type Kernel, kernels } from "../../src/balancers/kernel.ts";
import { connectionAdded, connectionEnded, setThresholds, type Thresholds } from "../../src/balancers/thresholds.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("overload thresholds");

/** One slot, and what happens to it. */
class Slot {
  readonly set: BackendSet = createBackendSet(1);
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    linkFirst(this.set, 0, 1);
  }

  limit(upper: number, lower = 0): void {
    setThresholds(this.set, 0, { upper, lower }, this.#kernel);
  }

  add(count = 1): void {
    for (let n = 0; n < count; n += 1) {
      this.set.inactive[0]! += 1;
      connectionAdded(this.set, 0, this.#kernel);
    }
  }

  end(count = 1): void {
    for (let n = 0; n < count; n += 1) {
      this.set.inactive[0]! -= 1;
      connectionEnded(this.set, 0, this.#kernel);
    }
  }

  get overloaded(): boolean {
    return !usable(this.set, 0);
  }
}

for (const kernel of kernels) {
  test(`${kernel}: overloaded from the upper threshold on, free below the lower one`, () => {
    const slot = new Slot(kernel);
    slot.limit(5, 3);
    slot.add(4);
    assert.equal(slot.overloaded, false);
    slot.add();
    assert.equal(slot.overloaded, true);
    slot.end(2);
    assert.equal(slot.overloaded, true, "3 is not below 3");
    slot.end();
    assert.equal(slot.overloaded, false);
    slot.add(2);
    assert.equal(slot.overloaded, false, "between the thresholds nothing changes");
  });

  test(`${kernel}: without a lower threshold it is free below three quarters of the upper one`, () => {
    // By hand: 4·t < 3·u for u = 1…9 holds up to t = 0, 1, 2, 2, 3, 4, 5, 5, 6.
    for (const [index, free] of [0, 1, 2, 2, 3, 4, 5, 5, 6].entries()) {
      const upper = index + 1;
      const slot = new Slot(kernel);
      slot.limit(upper);
      slot.add(upper);
      slot.end(upper - free - 1);
      assert.equal(slot.overloaded, true, `upper ${upper}, ${free + 1} left`);
      slot.end();
      assert.equal(slot.overloaded, false, `upper ${upper}, ${free} left`);
    }
  });

  test(`${kernel}: no threshold, no overload; taking it away frees at once`, () => {
    const slot = new Slot(kernel);
    slot.add(1000);
    assert.equal(slot.overloaded, false);
    slot.limit(1000);
    slot.add();
    assert.equal(slot.overloaded, true);
    slot.limit(0);
    assert.equal(slot.overloaded, false);
  });
}

test("kernels after 6.1.176 look at new thresholds at once, 6.1.176 only frees by a larger upper one", () => {
  for (const kernel of kernels) {
    const old = kernel === "6.1.176";
    const slot = new Slot(kernel);
    slot.add(5);
    slot.limit(3);
    assert.equal(slot.overloaded, !old, `${kernel}: lowered below what is there`);
    slot.add();
    assert.equal(slot.overloaded, true, `${kernel}: with the next connection at the latest`);
    slot.limit(4);
    assert.equal(slot.overloaded, !old, `${kernel}: raised, but not above what is there`);
    slot.add();
    slot.limit(4, 4);
    assert.equal(slot.overloaded, true, `${kernel}: the same upper one`);
    slot.limit(9, 8);
    assert.equal(slot.overloaded, false, `${kernel}: raised, with fewer there than the lower one`);
  }
});

type Step = "add" | "end" | Thresholds;
const thresholds = fc.record({ upper: fc.nat(8), span: fc.nat(8) }).map(({ upper, span }) => ({
  upper,
  lower: Math.max(upper - span, 0),
}));
const traces: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(fc.constant("add" as const), fc.constant("end" as const), thresholds),
  { maxLength: 60, size: "max" },
);

test("kernels after 6.1.176 never leave a slot overloaded below its lower threshold, nor free at its upper one", () => {
  fc.assert(
    fc.property(traces, (steps) => {
      const slot = new Slot("7.2.13");
      for (const step of steps) {
        const { inactive, upper, lower } = slot.set;
        if (typeof step === "object") slot.limit(step.upper, step.lower);
        else if (step === "add") slot.add();
        else if (inactive[0]! > 0) slot.end();
        if (upper[0] === 0) assert.equal(slot.overloaded, false);
        else if (inactive[0]! >= upper[0]!) assert.equal(slot.overloaded, true);
        else if (lower[0]! > 0 ? inactive[0]! < lower[0]! : inactive[0]! * 4 < upper[0]! * 3) {
          assert.equal(slot.overloaded, false);
        }
      }
    }),
    { seed, numRuns: runs(5000, 500) },
  );
});
