import assert from "node:assert/strict";
import { isSluiceError } from "../../src/core/errors.ts";
import type { Dataplane } from "../../src/dataplane/dataplane.ts";
import { createFaulty } from "../../src/dataplane/faulty.ts";
import { suite } from "../support/suite.ts";
import { ipvs, plan } from "./emulated/literals.ts";

const test = suite("faulty dataplane");

const programs = [1, 2, 3].map((n) => ipvs({ "10.96.0.1:80": [`10.0.0.${n}:80`] }));
const failed = (error: unknown): boolean => isSluiceError(error, "DATAPLANE_FAILED");

/** A dataplane that writes down what is asked of it. */
function witness(): Dataplane & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    name: "witness",
    asked,
    async apply(program) {
      asked.push(`apply ${programs.indexOf(program) + 1}`);
    },
    async close() {
      asked.push("close");
    },
  };
}

test("an apply that fails before does nothing; the ones around it pass", async () => {
  const inner = witness();
  const faulty = createFaulty(inner, new Map([[2, "before"]]));
  await faulty.apply(programs[0]!, plan());
  await assert.rejects(faulty.apply(programs[1]!, plan()), failed);
  await faulty.apply(programs[2]!, plan());
  assert.deepEqual(inner.asked, ["apply 1", "apply 3"]);
});

test("an apply that fails after was carried out", async () => {
  const inner = witness();
  const faulty = createFaulty(inner, new Map([[1, "after"]]));
  await assert.rejects(faulty.apply(programs[0]!, plan()), failed);
  assert.deepEqual(inner.asked, ["apply 1"]);
});

test("a stuck apply fails when the dataplane is closed, and not before", async () => {
  const inner = witness();
  const faulty = createFaulty(inner, new Map([[1, "stuck"]]));
  let settled = false;
  const applied = assert.rejects(faulty.apply(programs[0]!, plan()), failed).finally(() => (settled = true));
  await new Promise(setImmediate);
  assert.equal(settled, false);
  await faulty.close();
  await applied;
  assert.deepEqual(inner.asked, ["close"]);
});

test("a failure of the dataplane within comes through as it is", async () => {
  const cause = new Error("of the one within");
  const inner: Dataplane = { ...witness(), apply: () => Promise.reject(cause) };
  await assert.rejects(createFaulty(inner, new Map()).apply(programs[0]!, plan()), cause);
});
