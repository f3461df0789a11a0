import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  type BackendSet,
  backendSetBytes,
  createBackendSet,
  growBackendSet,
  holds,
  listed,
  usable,
  viewBackendSet,
} from "../../src/balancers/backend-set.ts";
import { type Algorithm, NO_BACKEND } from "../../src/balancers/balancer.ts";
import { type Random, seededRandom } from "../../src/core/random.ts";
import { bytesPerCall } from "../support/allocation.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { play, type Step, traces as oneFlow } from "../support/trace.ts";

const CAPACITY = 7;

/** What random cases are made of, and how many. */
interface Trials {
  readonly traces?: fc.Arbitrary<readonly Step[]>;
  readonly numRuns?: number;
}

/**
 * What every algorithm must do, whatever it chooses by.
 *
 * @param trials by default many traces of one flow that comes again and again.
 */
export function balancerContract(
  label: string,
  algorithm: Algorithm,
  { traces = oneFlow, numRuns = runs(1000, 100) }: Trials = {},
): void {
  const random = { seed, numRuns };
  const test = suite(`${label}: balancer contract`, { sampled: 3 });
  const flows = sampleFlows(64, 1);

  const picksOf = ({ balancer }: DrivenSet): number[] => flows.map((flow) => balancer.pick(flow, 0));

  interface Fresh extends DrivenSet {
    readonly state: Int32Array;
    readonly source: Random;
  }
  const over = (set: BackendSet, state: Int32Array, source: Random): Fresh =>
    Object.assign(new DrivenSet(set, algorithm.create(set, state, source)), { state, source });
  /** A driven set; slots 0, 1, … with these weights, added in this order. */
  const fresh = (weights: readonly number[] = []): Fresh => {
    const state = new Int32Array(algorithm.stateWords(CAPACITY));
    const driven = over(createBackendSet(CAPACITY), state, seededRandom(7));
    for (const [slot, weight] of weights.entries()) driven.add(slot, weight);
    return driven;
  };
  const moved = ({ set, state, source }: Fresh, capacity: number): DrivenSet => {
    const longer = new Int32Array(algorithm.stateWords(capacity));
    longer.set(state);
    return over(growBackendSet(set, capacity), longer, source);
  };
  /** Picks, changes every backend, and picks again. */
  const goOn = (driven: DrivenSet): number[] => {
    const picks = picksOf(driven);
    for (const slot of listed(driven.set)) driven.reweigh(slot, 1 + slot);
    for (const slot of listed(driven.set)) driven.count(slot, { active: slot });
    return [...picks, ...picksOf(driven)];
  };

  test("picks no backend where there is none", () => {
    const driven = fresh();
    assert.ok(picksOf(driven).every((slot) => slot === NO_BACKEND));
    driven.add(0, 1);
    driven.remove(0);
    assert.ok(picksOf(driven).every((slot) => slot === NO_BACKEND));
  });

  test("picks no backend where all have weight 0", () => {
    const driven = fresh([0, 0, 0]);
    assert.ok(picksOf(driven).every((slot) => slot === NO_BACKEND));
    driven.reweigh(1, 1);
    assert.ok(picksOf(driven).every((slot) => slot === 1 || slot === NO_BACKEND));
  });

  test("picks a backend for every flow where all may take it", () => {
    assert.ok(picksOf(fresh([3, 1, 2])).every((slot) => slot !== NO_BACKEND));
  });

  test("picks only listed backends of weight above 0, on any trace", () => {
    fc.assert(
      fc.property(traces, (steps) => {
        const driven = fresh();
        play(driven, steps, {
          picked(slot) {
            // Not all heed the thresholds: lblc leaves an address where it is.
            const { set } = driven;
            assert.ok(slot === NO_BACKEND || (holds(set, slot) && set.weight[slot]! > 0), `slot ${slot}`);
          },
        });
      }),
      random,
    );
  });

  test("makes the same picks again for the same seed", () => {
    fc.assert(
      fc.property(traces, (steps) => assert.deepEqual(play(fresh(), steps), play(fresh(), steps))),
      random,
    );
  });

  test("is one balancer with all that lie over the same memory", () => {
    fc.assert(
      fc.property(traces, (steps) => {
        const bytes = backendSetBytes(CAPACITY);
        const words = algorithm.stateWords(CAPACITY);
        const memory = new SharedArrayBuffer(bytes + words * 4);
        const source = seededRandom(7);
        createBackendSet(CAPACITY, memory);
        const views = [0, 1, 2].map(() => {
          const set = viewBackendSet(memory, 0, CAPACITY);
          return new DrivenSet(set, algorithm.create(set, new Int32Array(memory, bytes, words), source));
        });
        const shared = new DrivenSet(views[0]!.set, views[0]!.balancer);
        let turn = 0;
        const next = (): void => {
          turn += 1;
          shared.balancer = views[turn % views.length]!.balancer;
        };
        assert.deepEqual(play(shared, steps, { picked: next, done: next }), play(fresh(), steps));
      }),
      random,
    );
  });

  test("keeps its picks when it is rebuilt after every step", () => {
    fc.assert(
      fc.property(traces, (steps) => {
        const driven = fresh();
        assert.deepEqual(play(driven, steps, { done: () => driven.balancer.rebuild() }), play(fresh(), steps));
      }),
      random,
    );
  });

  test("picks rightly over fresh state on a list that is filled already, once it is rebuilt", () => {
    fc.assert(
      fc.property(traces, (steps) => {
        const driven = fresh();
        play(driven, steps);
        const { set } = driven;
        const again = algorithm.create(set, new Int32Array(algorithm.stateWords(CAPACITY)), seededRandom(8));
        again.rebuild();
        const slot = again.pick(flows[0]!, 0);
        assert.ok(slot === NO_BACKEND || (holds(set, slot) && usable(set, slot)), `slot ${slot}`);
        if (!listed(set).every((one) => usable(set, one))) return;
        assert.equal(slot === NO_BACKEND, driven.balancer.pick(flows[0]!, 0) === NO_BACKEND);
      }),
      random,
    );
  });

  test("goes on where it was with its state at the front of longer state", () => {
    fc.assert(
      fc.property(traces, (steps) => {
        const [staying, moving] = [fresh(), fresh()];
        for (const driven of [staying, moving]) play(driven, steps);
        assert.deepEqual(goOn(moved(moving, CAPACITY * 3)), goOn(staying));
      }),
      random,
    );
  });

  test("takes no notice of connections on a backend that was removed", () => {
    const [told, untold] = [fresh([1, 1, 1]), fresh([1, 1, 1])];
    for (const driven of [told, untold]) driven.remove(1);
    told.count(1, { active: -1, inactive: 5 });
    assert.deepEqual(picksOf(told), picksOf(untold));
  });

  test("allocates nothing for 1 000 000 picks, nor when it is told of a load", () => {
    const driven = fresh([1, 2, 3, 0, 65_535]);
    const { balancer, set } = driven;
    let at = 0;
    const call = (): void => {
      const slot = balancer.pick(flows[at & 63]!, 0);
      set.active[slot] = at & 15;
      balancer.loadChanged(slot);
      at += 1;
    };
    assert.ok(bytesPerCall(call) < 1);
  });
}
