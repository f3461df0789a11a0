import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type Kernel, kernels } from "../../src/balancers/kernel.ts";
import { ipvsSchedulers } from "../../src/balancers/registry.ts";
import {
  beyondSchedulers,
  ipvsRecordings,
  type Outcome,
  type Recording,
  schedulersOf,
} from "../support/ipvs-recording.ts";
import { differences, replayIpvs } from "../support/replay-ipvs.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";

const test = suite("IPVS as recorded from real kernels");

const recordings = ipvsRecordings();
const ours = recordings.filter(
  (recording) =>
    recording.deterministic &&
    beyondSchedulers(recording).every((what) => what === "thresholds" || what === "one-packet") &&
    schedulersOf(recording).every((scheduler) => (ipvsSchedulers as readonly string[]).includes(scheduler)),
);

/** What this kernel did, whose version starts its name: `6.1.192-2 (…)`, `6.1.176 (…)`. */
function outcomeOn(kernel: Kernel, recording: Recording): Outcome {
  const isIt = (name: string): boolean => name.split(/[-~ ]/)[0] === kernel;
  if (recording.kernelsWithSamePicks.some(isIt)) return recording;
  const variant = Object.entries(recording.variants ?? {}).find(([name]) => isIt(name));
  assert.ok(variant, `${recording.name} was not recorded on ${kernel}`);
  return variant[1];
}

test("all recordings are here", () => {
  const index = readFileSync(inProject("test", "golden", "ipvs", "index.jsonl"), "utf8")
    .trim()
    .split("\n");
  const listed = index.map((line) => (JSON.parse(line) as { file: string }).file);
  assert.deepEqual(recordings.map(({ name }) => `${name}.json`).sort(), listed.sort());
  assert.equal(recordings.length, 176);
});

test("all recordings without chance, persistence and sysctls of the connection table are replayed", () => {
  const counts = new Map<string, number>();
  for (const { scheduler } of ours) counts.set(scheduler, (counts.get(scheduler) ?? 0) + 1);
  const expected = { rr: 25, wrr: 22, lc: 12, wlc: 14, sed: 12, nq: 11, fo: 7, ovf: 6 };
  const byTable = { sh: 13, dh: 3, mh: 18, lblc: 5, lblcr: 6 };
  assert.deepEqual(Object.fromEntries(counts), { ...expected, ...byTable });
});

test("they hold 9341 picks, 100 further datagrams and 12 066 sets of counts", () => {
  const sum = (of: (recording: Recording) => readonly unknown[]): number =>
    ours.reduce((total, recording) => total + of(recording).length, 0);
  const datagrams = sum(({ packetPicks }) => packetPicks ?? []);
  const counts = sum(({ counts }) => counts.filter((one) => one !== null));
  assert.deepEqual([sum(({ picks }) => picks), datagrams, counts], [9341, 100, 12_066]);
});

for (const recording of ours) {
  test(`${recording.name}: every pick and every count after every event, on each of the four kernels`, () => {
    for (const kernel of kernels) {
      const replay = replayIpvs(recording, kernel);
      assert.deepEqual(differences(outcomeOn(kernel, recording), replay), [], kernel);
    }
  });
}

test("a replay that goes wrong is seen: the old kernel's picks differ from the reference's", () => {
  const recording = ours.find(({ name }) => name === "lc-overhead-256-257")!;
  const [difference] = differences(outcomeOn("6.1.192", recording), replayIpvs(recording, "6.1.176"));
  assert.deepEqual(difference, { what: "picks", at: 257, recorded: 1, replayed: 2 });
});
