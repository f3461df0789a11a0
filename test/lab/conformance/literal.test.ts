/** What no recording happens to show: random vectors of the recordings' form, against IPVS's literal form. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { kernels } from "../../../src/balancers/kernel.ts";
import { expectedOutcome } from "../../../src/lab/conformance/expected-outcome.ts";
import { parseVector } from "../../../src/lab/conformance/parse-vector.ts";
import { replayVector } from "../../../src/lab/conformance/replay.ts";
import { inProject } from "../../support/root.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { replayLiterally } from "./literal-kernel.ts";
import { randomVectors } from "./random-vectors.ts";

const test = suite("replay against the literal form", { timeoutMs: 600_000 });

const folder = inProject("test", "golden", "ipvs");
const recordings = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => [file, parseVector(readFileSync(`${folder}/${file}`, "utf8"), file)] as const)
  .filter(([, { deterministic }]) => deterministic);

for (const kernel of kernels) {
  test(`the literal form itself makes all recorded picks and counts of kernel ${kernel}`, () => {
    for (const [name, vector] of recordings) {
      const { picks, packetPicks, counts } = replayLiterally(vector, kernel);
      const recorded = expectedOutcome(vector, kernel);
      assert.deepEqual([picks, packetPicks], [recorded.picks, recorded.packetPicks ?? []], name);
      for (const [event, one] of recorded.counts!.entries()) {
        if (one !== null) assert.deepEqual(counts[event], one, `${name}, event ${event}`);
      }
    }
  });
}

test("random vectors of all schedulers, flags, sysctls, time-outs and services give its picks and counts", () => {
  fc.assert(
    fc.property(randomVectors, fc.constantFrom(...kernels), (text, kernel) => {
      const vector = parseVector(text, "random.json");
      const { picks, packetPicks, counts } = replayVector(vector, { kernel, seed: 1 });
      const literal = replayLiterally(vector, kernel);
      for (const [event, one] of literal.counts.entries()) {
        assert.deepEqual(counts[event], one, `event ${event}: ${JSON.stringify(vector.events[event])}`);
      }
      assert.deepEqual({ picks, packetPicks, counts }, literal);
    }),
    { seed, numRuns: runs(5000, 400) },
  );
});
