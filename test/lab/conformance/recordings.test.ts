/** Every recording of a real kernel's IPVS, replayed: every pick, and every count after every event. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { kernels } from "../../../src/balancers/kernel.ts";
import { expectedOutcome } from "../../../src/lab/conformance/expected-outcome.ts";
import { parseVector } from "../../../src/lab/conformance/parse-vector.ts";
import { replayVector } from "../../../src/lab/conformance/replay.ts";
import type { Outcome, Vector } from "../../../src/lab/conformance/vector.ts";
import { inProject } from "../../support/root.ts";
import { runs } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const test = suite("IPVS as recorded from real kernels");

const folder = inProject("test", "golden", "ipvs");
const files = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .sort();
const vectors = files.map((file) => [file, parseVector(readFileSync(`${folder}/${file}`, "utf8"), file)] as const);

test("all recordings are replayed, those of the index and no others", () => {
  const index = readFileSync(`${folder}/index.jsonl`, "utf8").trim().split("\n");
  const listed = index.map((line) => (JSON.parse(line) as { file: string }).file);
  assert.deepEqual(files, listed.sort());
  assert.equal(vectors.length, 176);
  assert.equal(vectors.filter(([, { deterministic }]) => deterministic).length, 173);
});

test("they hold 10,801 picks, 100 further datagrams and 13,114 sets of counts", () => {
  const sum = (of: (vector: Vector) => number): number => vectors.reduce((total, [, vector]) => total + of(vector), 0);
  const picks = sum(({ picks }) => picks!.length);
  const datagrams = sum(({ packetPicks }) => packetPicks?.length ?? 0);
  const counts = sum(({ counts }) => counts!.filter((one) => one !== null).length);
  assert.deepEqual([picks, datagrams, counts], [10_801, 100, 13_114]);
});

test("five have another outcome on 6.1.176", () => {
  const other = vectors.filter(([, vector]) => expectedOutcome(vector, "6.1.176") !== vector).map(([name]) => name);
  assert.deepEqual(other, [
    "lc-overhead-256-257.json",
    "rr-thresholds.json",
    "wlc-overhead-256-257-b.json",
    "wlc-thresholds.json",
    "wrr-thresholds.json",
  ]);
});

for (const kernel of kernels) {
  test(`all agree with kernel ${kernel}`, () => {
    for (const [name, vector] of vectors) {
      const { ok, differences, picks, packetPicks, counts } = replayVector(vector, { kernel });
      assert.deepEqual(differences, [], name);
      assert.ok(ok, name);
      if (!vector.deterministic) continue;
      // Once more, without the comparison that is itself in question.
      const recorded = expectedOutcome(vector, kernel);
      assert.deepEqual(picks, recorded.picks, name);
      assert.deepEqual(packetPicks, recorded.packetPicks ?? [], name);
      const stable = counts.map((one, event) => (recorded.counts![event] === null ? null : one));
      assert.deepEqual(stable, recorded.counts, name);
    }
  });
}

test("what was seen of each connection need not be recorded: servers answer as they do in the recordings", () => {
  for (const [name] of vectors) {
    const recording = JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as { events: Record<string, unknown>[] };
    const events = recording.events.map(({ result: _result, state: _state, noop: _noop, ...event }) => event);
    const { differences } = replayVector(parseVector(JSON.stringify({ ...recording, events }), name));
    assert.deepEqual(differences, [], name);
  }
});

test("a recording that is wrong in one place differs there, whichever it is", () => {
  const each = vectors.filter(([, { deterministic }], index) => deterministic && index % runs(1, 6) === 0);
  for (const [name, vector] of each) {
    for (const [changed, what, index] of spoilt(vector)) {
      const { ok, differences } = replayVector({ ...vector, ...changed });
      assert.equal(ok, false, name);
      assert.deepEqual(
        differences.map((one) => [one.what, one.index]),
        [[what, index]],
        name,
      );
    }
  }
});

/** The same with its last pick, or its last counts, changed. */
function* spoilt({ picks, counts }: Vector): Generator<readonly [Partial<Outcome>, string, number]> {
  const pick = picks!.length - 1;
  yield [{ picks: picks!.with(pick, picks![pick] === 1 ? 2 : 1) }, "picks", pick];
  const event = counts!.findLastIndex((one) => one !== null);
  const [[id, active, inactive], ...others] = counts![event]! as [[number, number, number]];
  yield [{ counts: counts!.with(event, [[id, active, inactive + 1], ...others]) }, "counts", event];
}

test("by the rules of another kernel the recordings that tell kernels apart differ", () => {
  const vector = vectors.find(([name]) => name === "lc-overhead-256-257.json")![1];
  const [difference] = replayVector({ ...vector, variants: new Map() }, { kernel: "6.1.176" }).differences;
  assert.deepEqual(
    [difference?.what, difference?.index, difference?.recorded, difference?.replayed],
    ["picks", 257, 1, 2],
  );
});
