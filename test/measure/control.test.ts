/** Controls that are not rates of works: decisions in the emulator, and how connections are shared out. */
import assert from "node:assert/strict";
import { seededRandom } from "../../src/core/random.ts";
import { holdsOne, holdsZero, someDiffers } from "../../src/measure/control.ts";
import { type EmulatedTrials, summarizeEmulated } from "../../src/measure/emulated/summarize-emulated.ts";
import { geometricMeanInterval, type IntervalRequest } from "../../src/measure/intervals.ts";
import type { Asked } from "../../src/measure/probe/probe.ts";
import type { Estimate } from "../../src/measure/result.ts";
import { type ChangeTrial, sharingControl, type SlowTrial } from "../../src/measure/sharing/summarize-sharing.ts";
import { suite } from "../support/suite.ts";
import { normal } from "./noise.ts";

const test = suite("controls");

const within = (low: number, high: number): Estimate => ({ value: (low + high) / 2, interval: [low, high], unit: "1" });
const without = (value: number, reason: "no-spread" | "too-few-blocks"): Estimate => {
  return { value, interval: null, unit: "1", reason };
};

test("an interval holds, or does not; what is the same in every block needs none; of too few nobody can tell", () => {
  assert.deepEqual([within(0.9, 1.1), within(1.01, 1.1), without(1, "too-few-blocks")].map(holdsOne), [
    true,
    false,
    null,
  ]);
  const differences = [within(-1, 1), within(0.5, 1), without(0, "no-spread"), without(2, "no-spread")];
  assert.deepEqual(differences.map(holdsZero), [true, false, true, false]);
  assert.equal(holdsZero(without(0, "too-few-blocks")), null);
  assert.deepEqual([[true, true], [true, null], [null, false], []].map(someDiffers), [false, null, true, false]);
});

const estimate = (requests: readonly IntervalRequest[]) =>
  Promise.resolve(requests.map(({ values, seed }) => geometricMeanInterval(values, seed)));

function timed(subject: string, decisionNs: readonly number[], againNs?: readonly number[]): EmulatedTrials {
  const service = { protocol: "tcp", servicePort: "default/web:http", address: "10.96.0.1:80", endpoints: [] } as const;
  const blocks = decisionNs.map(() => ({ flows: [5, 5], rules: 3, lost: 0 }));
  const promise = { kind: "none" } as const;
  const what = "in memory";
  return { subject, what, service: { service, backends: [0, 1] }, promise, lanes: 4, blocks, decisionNs, againNs };
}

test("a subject of the emulator timed twice: alike it holds 1, a tenth slower it does not", async () => {
  const random = seededRandom(3);
  const times = (mean: number): number[] => Array.from({ length: 12 }, () => mean * Math.exp(0.02 * normal(random)));
  const controlsOf = async (again: number) => {
    const trials = [timed("iptables@emulated", times(500), times(again)), timed("nftables@emulated", times(300))];
    return (await summarizeEmulated(trials, 9, estimate)).emulated.controls!;
  };
  const [alike, ...others] = await controlsOf(500);
  assert.deepEqual(others, [], "one a service");
  const { reference, again, holdsOne: holds, servicePort } = alike!;
  assert.deepEqual(
    [reference, again, holds, servicePort],
    ["iptables@emulated", "iptables@emulated-again", true, "default/web:http"],
  );
  const [slower] = await controlsOf(550);
  assert.equal(slower!.holdsOne, false);
  assert.ok(Math.abs(slower!.ratio.value! - 1.1) < 0.03, `${slower!.ratio.value}`);
});

/** Twenty requests, one after the other, of which so many went to endpoint 1. */
function asked(slow: number, tookMs = 2): Asked[] {
  return Array.from({ length: 20 }, (_, at) => ({
    dueMs: at * tookMs,
    endedMs: (at + 1) * tookMs,
    outcome: "answered",
    endpoint: at < slow ? 1 : 2,
    source: `127.30.0.${at}`,
  }));
}

/** @param slow by block, how many requests of each of the two go to the slow endpoint. */
function controlOf(slow: readonly (readonly [number, number])[], tookMs = 2) {
  const names = ["iptables", "iptables-again"] as const;
  const trials = slow.flatMap((block) =>
    names.map((subject, at): SlowTrial => ({ subject, asked: asked(block[at]!, at === 0 ? 2 : tookMs) })),
  );
  const changes = trials.map(({ subject }): ChangeTrial => {
    return { subject, before: asked(10), during: asked(8), after: asked(10) };
  });
  return sharingControl(trials, changes, [1, 2], names);
}

test("a subject that shares out twice: noise holds 0, a share or a rate that is off in every block does not", () => {
  const noise = [
    [5, 6],
    [7, 5],
    [4, 6],
    [6, 5],
    [5, 5],
  ] as const;
  const alike = controlOf(noise);
  assert.equal(alike.differs, false);
  assert.deepEqual(
    alike.figures.map(({ figure, difference, holdsZero: holds }) => [figure, difference.value, holds]),
    [
      ["slow-share", 0, true],
      ["rate", 0, true],
      ["moved-when-added", 0, true],
      ["moved-when-removed", 0, true],
    ],
  );
  const skewed = controlOf([
    [5, 8],
    [7, 9],
    [4, 8],
    [6, 9],
    [5, 8],
  ]);
  assert.deepEqual(
    skewed.figures.map(({ holdsZero: holds }) => holds),
    [false, true, true, true],
  );
  assert.equal(skewed.differs, true);
  // Five requests a hundred take longer: the same in every block, so that there is no interval.
  assert.deepEqual(
    controlOf(noise, 2.1).figures.map(({ holdsZero: holds }) => holds),
    [true, false, true, true],
  );
  assert.equal(controlOf(noise.slice(0, 4)).differs, null, "too few blocks");
});

test("of controls of nothing but noise one in twenty differs, in each figure", () => {
  const random = seededRandom(5);
  const runs = 1500;
  const share = (): number => Array.from({ length: 20 }, () => random.below(4)).filter((at) => at === 0).length;
  let differing = 0;
  for (let run = 0; run < runs; run += 1) {
    const [slowShare] = controlOf(Array.from({ length: 10 }, () => [share(), share()] as const)).figures;
    if (slowShare!.holdsZero === false) differing += 1;
  }
  // 5 % of 1500 are 75, with a standard deviation of 8.4; counts are coarse, which makes it a little less.
  assert.ok(differing > 40 && differing < 110, `${differing} of ${runs}`);
});
