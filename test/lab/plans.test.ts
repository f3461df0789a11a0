import assert from "node:assert/strict";
import { emptySnapshot } from "../../src/cluster/state.ts";
import { isSluiceError } from "../../src/core/errors.ts";
import { resolveBenchOptions } from "../../src/lab/options.ts";
import { planTiming } from "../../src/lab/plan.ts";
import { plans, readPlan } from "../../src/lab/plans.ts";
import { suite } from "../support/suite.ts";

const test = suite("plans");

test("every plan that has a name can be measured, within its budget", () => {
  for (const [name, { describe, budgetSeconds, subjects, works, services = [1] }] of Object.entries(plans)) {
    assert.ok(describe.length > 0 && budgetSeconds !== undefined, name);
    const given = { ...(works && { works }), ...(subjects && { subjects }) };
    const resolved = resolveBenchOptions({ snapshot: emptySnapshot, nodeName: "", ...given });
    const { blocks } = planTiming(
      budgetSeconds * 1000,
      resolved.subjects.length * services.length + 2,
      resolved.works.length,
    );
    assert.ok(blocks >= 10, `${name}: ${blocks} blocks`);
  }
  assert.ok(plans["quick"]!.budgetSeconds! <= 90);
});

test("a plan is read from YAML or JSON", () => {
  const plan = { describe: "mine", works: ["tcp-bulk"], budgetSeconds: 30 };
  assert.deepEqual(readPlan(JSON.stringify(plan)), plan);
  assert.deepEqual(readPlan("describe: mine\nworks: [tcp-bulk]\nbudgetSeconds: 30\n"), plan);
});

test("what is wrong in a plan is told by the field: what it should be, and what stands there", () => {
  for (const [text, message] of [
    ["works: [tcp-bulk]", "plan.describe: expected string, got none"],
    ["describe: mine\nworks: tcp-bulk", "plan.works: expected array, got tcp-bulk"],
    ["describe: mine\nbudgetSeconds: 0", "plan.budgetSeconds: expected number to be >=1, got 0"],
    ["describe: mine\nservices: [10, 1.5]", "plan.services.1: expected int, got 1.5"],
    ["describe: mine\nkind: speed", 'plan.kind: expected one of "works"|"faults"|"balance", got speed'],
    ["describe: mine\nspeed: 3", "plan: expected no field but describe, kind, subjects, works,"],
    ["", "plan: expected object, got none"],
  ] as const) {
    assert.throws(
      () => readPlan(text),
      (error: Error) => error.message.startsWith(message) || assert.fail(error.message),
    );
  }
});

test("what a plan does nothing with is refused", () => {
  const given = { snapshot: emptySnapshot, nodeName: "" };
  for (const [path, options] of [
    ["works", { kind: "faults", works: ["tcp-bulk"] }],
    ["services", { kind: "faults", subjects: ["iptables@kernel"], works: ["tcp-connect"], services: [10] }],
    ["services", { kind: "balance", subjects: ["iptables@kernel"], works: ["tcp-connect"], services: [10] }],
  ] as const) {
    assert.throws(
      () => resolveBenchOptions({ ...given, ...options }),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
    );
  }
});

test("what is wrong in a plan is named", () => {
  for (const [text, path] of [
    ["works: [tcp-bulk]", "plan.describe"],
    ["describe: mine\nbudgetSeconds: 0", "plan.budgetSeconds"],
    ["describe: mine\nworks: tcp-bulk", "plan.works"],
    ["describe: mine\nspeed: 3", "plan"],
    ["a: [", "plan"],
    ["just a text", "plan"],
  ] as const) {
    assert.throws(
      () => readPlan(text),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
      text,
    );
  }
});
