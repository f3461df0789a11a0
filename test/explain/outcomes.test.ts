import assert from "node:assert/strict";
import { type Outcome, outcomesOf } from "../../src/explain/outcomes.ts";
import { traceFlow } from "../../src/explain/trace.ts";
import type { Match } from "../../src/modes/iptables/ruleset.ts";
import type { Program } from "../../src/modes/program.ts";
import { TCP } from "../../src/net/flow.ts";
import { addr, dnat, flow, iptables, ipvs, plan, rule, said, userspace } from "../dataplane/emulated/literals.ts";
import { suite } from "../support/suite.ts";

const test = suite("outcomes of a packet");

const client = "10.244.1.9";
const web = "10.96.0.1:80";
const half: Match = { kind: "statistic-random", threshold: 2 ** 30 };
const quarter: Match = { kind: "statistic-random", threshold: 2 ** 29 };

function outcomes(program: Program, to = web): readonly [string, number][] {
  const traced = traceFlow(program, plan(), flow(client, to), { seed: 1 });
  return traced.outcomes.map((outcome: Outcome) => [said({ ...outcome, steps: 0 }), outcome.probability]);
}

test("a walk that draws nothing has one outcome, and it is certain", () => {
  assert.deepEqual(outcomes(iptables({ "nat/PREROUTING": [rule(dnat("10.0.0.1:1"))] })), [["10.0.0.1:1", 1]]);
  assert.deepEqual(outcomes(iptables({})), [["pass", 1]]);
});

test("every branch is walked, in the order of the rules", () => {
  const chains = {
    "nat/PREROUTING": [rule(dnat("10.0.0.1:1"), quarter), rule(dnat("10.0.0.2:1"), half), rule(dnat("10.0.0.3:1"))],
  };
  assert.deepEqual(outcomes(iptables(chains)), [
    ["10.0.0.1:1", 0.25],
    ["10.0.0.2:1", 0.375],
    ["10.0.0.3:1", 0.375],
  ]);
});

test("branches that come to the same are one outcome", () => {
  const chains = {
    "nat/PREROUTING": [rule({ kind: "accept" }, half), rule({ kind: "accept" }, half), rule(dnat("10.0.0.1:1"))],
  };
  assert.deepEqual(outcomes(iptables(chains)), [
    ["pass", 0.75],
    ["10.0.0.1:1", 0.25],
  ]);
});

test("an endpoint reached with and without masquerading is two outcomes", () => {
  const chains = {
    "nat/PREROUTING": [rule({ kind: "mark", value: 1, mask: 1 }, half), rule(dnat("10.0.0.1:1"))],
    "nat/POSTROUTING": [rule({ kind: "masquerade", randomFully: false }, { kind: "mark", value: 1, mask: 1 })],
  };
  assert.deepEqual(outcomes(iptables(chains)), [
    ["10.0.0.1:1 m", 0.5],
    ["10.0.0.1:1", 0.5],
  ]);
});

test("two draws of one rule both count", () => {
  const chains = { "nat/PREROUTING": [rule(dnat("10.0.0.1:1"), half, quarter)] };
  assert.deepEqual(outcomes(iptables(chains)), [
    ["10.0.0.1:1", 0.125],
    ["pass", 0.875],
  ]);
});

test("what can never happen is no outcome", () => {
  const never: Match = { kind: "statistic-random", threshold: 0 };
  const always: Match = { kind: "statistic-random", threshold: 2 ** 31 };
  const chains = {
    "nat/PREROUTING": [rule({ kind: "drop" }, never), rule(dnat("10.0.0.1:1"), always), rule({ kind: "drop" })],
  };
  assert.deepEqual(outcomes(iptables(chains)), [["10.0.0.1:1", 1]]);
});

test("what one branch remembers another does not know", () => {
  const chains = {
    "nat/PREROUTING": [
      rule({ kind: "drop" }, { kind: "recent-check", list: "A", seconds: 10 }),
      rule(dnat("10.0.0.1:1"), half, { kind: "recent-set", list: "A" }),
      rule(dnat("10.0.0.2:1")),
    ],
  };
  assert.deepEqual(outcomes(iptables(chains)), [
    ["10.0.0.1:1", 0.5],
    ["10.0.0.2:1", 0.5],
  ]);
});

test("ipvs schedulers leave nothing to chance; a shuffled list leaves the first turn to it", () => {
  const at = { [web]: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] };
  assert.deepEqual(outcomes(ipvs(at)), [["10.0.0.3:80", 1]]);
  assert.deepEqual(outcomes(ipvs({ [web]: [] })), [["reject", 1]]);
  assert.deepEqual(outcomes(userspace(at)), [
    ["10.0.0.1:80 m", 1 / 3],
    ["10.0.0.2:80 m", 1 / 3],
    ["10.0.0.3:80 m", 1 / 3],
  ]);
  assert.deepEqual(outcomes(userspace({ [web]: [] })), [["drop", 1]]);
  assert.deepEqual(outcomes(userspace(at), "10.96.0.2:80"), [["pass", 1]]);
});

test("whoever decides is asked once a branch, with the draws of that branch", () => {
  const draws: string[] = [];
  const found = outcomesOf((random, { drawing }) => {
    const bits = [0.5, 0.25].map((probability) => {
      drawing!(probability);
      return (random.u32() & 0x7fff_ffff) < probability * 2 ** 31 ? "yes" : "no";
    });
    draws.push(bits.join(" "));
    return { verdict: "forward", to: addr(`10.0.0.${draws.length}:${TCP}`), masquerade: false, steps: 1 };
  });
  assert.deepEqual(draws, ["yes yes", "yes no", "no yes", "no no"]);
  assert.deepEqual(
    found.map(({ probability }) => probability),
    [0.125, 0.375, 0.125, 0.375],
  );
});
