import assert from "node:assert/strict";
import {
  createBalancer,
  type LeasingBalancer,
  type ManualClock,
  manualClock,
  seededRandom,
} from "../../src/balancers/index.ts";
import { sampleFlows } from "../support/flows.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("peak-ewma");
const flow = sampleFlows(1, 1)[0]!;
/** A cost halves in that time. */
const HALF_LIFE_MS = 10_000 * Math.log(2);

interface Pair {
  readonly balancer: LeasingBalancer;
  readonly clock: ManualClock;
  /** A flow to one of the two that ends at once. */
  tell(id: "a" | "b", latencyMs: number, failed?: boolean): void;
  /** Whom both are drawn for: of two different ones of two it is always both. */
  readonly choice: () => string;
}

/** Two backends; a trick finds out what each costs: the other one's cost is known. */
function pair(options: { decayMs?: number; failureMs?: number } = {}): Pair {
  const clock = manualClock(1000);
  const random = seededRandom(seed);
  const balancer = createBalancer({ algorithm: "peak-ewma", ...options }, [{ id: "a" }, { id: "b" }], {
    random,
    clock,
  });
  const tell = (id: "a" | "b", latencyMs: number, failed = false): void => {
    // Only the one that the flow is to go to may take it.
    balancer.update([
      { id: "a", weight: Number(id === "a") },
      { id: "b", weight: Number(id === "b") },
    ]);
    balancer.acquire(flow)!.release({ latencyMs, failed });
    balancer.update([{ id: "a" }, { id: "b" }]);
  };
  return {
    balancer,
    clock,
    tell,
    choice: () => balancer.explain(flow).candidates.find(({ value }) => value === 1)!.backend,
  };
}

/** Asserts that a costs what it should, to a thousandth: b, told of a little less or more, is cheaper or dearer. */
function assertCost(make: () => Pair, costMs: number): void {
  const [cheaper, dearer] = [make(), make()];
  cheaper.tell("b", costMs * 0.999);
  dearer.tell("b", costMs * 1.001);
  assert.deepEqual([cheaper.choice(), dearer.choice()], ["b", "a"], `a does not cost ${costMs} ms`);
}

test("a cost decays by e^(−t/decayMs) while there is nothing to observe", () => {
  for (const [waitMs, costMs] of [
    [0, 100],
    [HALF_LIFE_MS, 50],
    [HALF_LIFE_MS / 2, 100 * Math.SQRT1_2],
    [10_000, 100 / Math.E],
    [50_000, 100 * Math.exp(-5)],
  ] as const) {
    assertCost(() => {
      const one = pair();
      one.tell("a", 100);
      one.clock.advance(waitMs);
      return one;
    }, costMs);
  }
});

test("a cost decays as fast as it is told to", () => {
  assertCost(() => {
    const one = pair({ decayMs: 500 });
    one.tell("a", 100);
    one.clock.advance(500 * Math.log(4));
    return one;
  }, 25);
});

test("a latency above the cost is the cost at once, one below it pulls it down by what time passed", () => {
  const told = (latencyMs: number) => () => {
    const one = pair();
    one.tell("a", 100);
    one.clock.advance(HALF_LIFE_MS);
    one.tell("a", latencyMs);
    return one;
  };
  assertCost(told(300), 300);
  // 100 × 1/2 + 20 × 1/2. The cost that a latency is held against is the one last looked at: 60 is below 100.
  assertCost(told(20), 60);
  assertCost(told(60), 80);
});

test("a pick looks at both that are drawn: after it, a quick answer counts only for the time since", () => {
  assertCost(() => {
    const one = pair();
    one.tell("a", 100);
    one.clock.advance(HALF_LIFE_MS);
    one.balancer.acquire(flow)!.release({ latencyMs: 0 });
    one.tell("a", 20);
    return one;
  }, 50);
});

test("load is cost × (active + 1)", () => {
  const one = pair();
  one.tell("a", 10);
  one.tell("b", 25);
  const leases = Array.from({ length: 3 }, () => one.balancer.acquire(flow)!);
  // 10, 20 and 30 against 25.
  assert.deepEqual(
    leases.map(({ backend }) => backend),
    ["a", "a", "b"],
  );
});

test("without an answer yet, an idle backend is free and a busy one the last", () => {
  const { balancer, tell } = pair();
  tell("a", 3_600_000);
  const leases = [balancer.acquire(flow)!, balancer.acquire(flow)!];
  assert.deepEqual(
    leases.map(({ backend }) => backend),
    ["b", "a"],
  );
  leases[0]!.release({ latencyMs: 3_500_000 });
  // a: 3600 s × 2, b: 3500 s × 1.
  assert.equal(balancer.acquire(flow)!.backend, "b");
});

test("a failed flow costs at least failureMs", () => {
  const failed =
    (latencyMs: number, options = {}) =>
    () => {
      const one = pair(options);
      one.tell("a", latencyMs, true);
      return one;
    };
  assertCost(failed(1), 5000);
  assertCost(failed(7000), 7000);
  assertCost(failed(1, { failureMs: 40 }), 40);
});

test("a backend that comes back begins anew", () => {
  const { balancer, tell } = pair();
  tell("a", 1000);
  tell("b", 1);
  balancer.update([{ id: "b" }]);
  balancer.update([{ id: "b" }, { id: "a" }]);
  assert.equal(balancer.acquire(flow)!.backend, "a");
});
