import assert from "node:assert/strict";
import { isSluiceError, SluiceError } from "../../../src/core/errors.ts";
import { kernelFailed } from "../../../src/dataplane/kernel/commands.ts";
import { throwAll } from "../../../src/dataplane/kernel/throw-all.ts";
import { suite } from "../../support/suite.ts";

const test = suite("kernel: failures of several at once");
const done: PromiseSettledResult<void> = { status: "fulfilled", value: undefined };
const failed = (reason: unknown): PromiseSettledResult<void> => ({ status: "rejected", reason });

test("where all is well nothing is thrown", () => {
  throwAll([done, done], [4, 6]);
});

test("all that failed is one failure, which names the families that it is of", () => {
  const outcomes = [failed(kernelFailed("no memory")), failed(kernelFailed("no lock"))];
  assert.throws(
    () => throwAll(outcomes, [4, 6]),
    (error) => {
      assert.ok(isSluiceError(error, "DATAPLANE_FAILED"));
      assert.deepEqual(error.details, { dataplane: "kernel", what: "no memory; no lock", families: [4, 6] });
      return true;
    },
  );
  assert.throws(
    () => throwAll([done, failed(kernelFailed("no lock"))], [4, 6]),
    (error) => isSluiceError(error, "DATAPLANE_FAILED") && error.details.families?.join() === "6",
  );
});

test("bad input is no failure of the kernel's, and is thrown as it is", () => {
  const bad = new SluiceError("RULE_TEXT_INVALID", "name: expected a word", {
    path: "name",
    expected: "a word",
    received: "--x",
  });
  assert.throws(
    () => throwAll([failed(kernelFailed("no lock")), failed(bad)], [4, 6]),
    (error) => error === bad,
  );
});
