import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type Kernel, kernels } from "../../src/balancers/kernel.ts";
import { algorithmNames } from "../../src/balancers/registry.ts";
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

/** All that can be replayed: only our schedulers, and nothing that goes beyond a scheduler. */
const replayed = [
  ..."edit-same-scheduler edit-same-weight-rr".split(" "),
  ..."lc-allzero-then-weights lc-bigweights lc-dynamic-a lc-dynamic-b lc-equal5-closes".split(" "),
  ..."lc-overhead-256-257 lc-rand16-0to100 lc-remove-readd-counters lc-tcp-expire lc-udp-expire".split(" "),
  ..."lc-udp213 lc-w123".split(" "),
  ..."rr-64servers rr-bigweights rr-dynamic-a rr-dynamic-b rr-dynamic-rand rr-equal3-noclose".split(" "),
  ..."rr-half-open rr-ipv6 rr-one rr-overloaded-current rr-tcp-expire rr-udp-expire rr-udp213".split(" "),
  ..."rr-w123 rr-w30201-zero rr-w462-gcd2".split(" "),
  ..."sed-64servers sed-allzero-then-weights sed-bigweights sed-dynamic-b sed-dynamic-rand".split(" "),
  ..."sed-equal5-closes sed-half-open sed-one sed-rand8 sed-tcp-expire sed-udp213".split(" "),
  ..."sed-w30201-zero".split(" "),
  ..."tcp-state-client-fin tcp-state-client-half tcp-state-server-half tcp-state-server-rst".split(" "),
  "udp-sticky",
];

const recordings = ipvsRecordings();
const ours = recordings.filter(
  (recording) =>
    beyondSchedulers(recording).length === 0 &&
    schedulersOf(recording).every((scheduler) => (algorithmNames as readonly string[]).includes(scheduler)),
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

test("the 47 recordings of rr, lc and sed without persistence, thresholds, sysctls and one-packet are replayed", () => {
  assert.deepEqual(
    ours.map(({ name }) => name),
    replayed,
  );
  assert.equal(replayed.length, 47);
});

test("they hold 2540 picks, 20 further datagrams and 3629 sets of counts", () => {
  const sum = (of: (recording: Recording) => readonly unknown[]): number =>
    ours.reduce((total, recording) => total + of(recording).length, 0);
  const datagrams = sum(({ packetPicks }) => packetPicks ?? []);
  const counts = sum(({ counts }) => counts.filter((one) => one !== null));
  assert.deepEqual([sum(({ picks }) => picks), datagrams, counts], [2540, 20, 3629]);
});

for (const recording of ours) {
  test(`${recording.name}: every pick and every count after every event, on each of the four kernels`, () => {
    for (const kernel of kernels) {
      const replay = replayIpvs(recording, recording.scheduler === "lc" ? { kernel } : {});
      assert.deepEqual(differences(outcomeOn(kernel, recording), replay), [], kernel);
    }
  });
}

test("a replay that goes wrong is seen: the old kernel's picks differ from the reference's", () => {
  const recording = ours.find(({ name }) => name === "lc-overhead-256-257")!;
  const [difference] = differences(outcomeOn("6.1.192", recording), replayIpvs(recording, { kernel: "6.1.176" }));
  assert.deepEqual(difference, { what: "picks", at: 257, recorded: 1, replayed: 2 });
});
