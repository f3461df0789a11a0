import assert from "node:assert/strict";
import * as fc from "fast-check";
import { type BackendSet, createBackendSet } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { identityOf } from "../../src/balancers/identity.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { type Flow, TCP } from "../../src/net/flow.ts";
import type { Ip4 } from "../../src/net/ip.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { pairedFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { play, tracesOf } from "../support/trace.ts";
import { destinationHashing, maglevHashing, sourceHashing } from "./hash-oracles.ts";
import { localityBased, localityBasedReplicated } from "./locality-oracles.ts";
import type { Oracle } from "./oracles.ts";

const test = suite("sh, dh, mh, lblc and lblcr against their literal forms", { timeoutMs: 120_000 });

/** Slots that are servers with addresses; every third one of IPv6. */
class Servers extends DrivenSet {
  override add(slot: number, weight: number): void {
    const host = slot % 3 === 0 ? `[fd00::${slot}]` : `10.244.${slot % 7}.${slot}`;
    super.add(slot, weight, undefined, identityOf(`${host}:${8080 + (slot % 2)}`));
  }
}

function servers(name: string, options: object, capacity: number): Servers {
  const { create, stateWords } = algorithm(name, options);
  const set = createBackendSet(capacity);
  return new Servers(set, create(set, new Int32Array(stateWords(capacity)), seededRandom(1)));
}

const HOUR = 3_600_000;
/** Few destinations, so that they are met again; a wait can be longer than a day. */
const traces = tracesOf(pairedFlows(5, 1), [1, 59_000, 61_000, HOUR / 2, HOUR, 23 * HOUR, 50 * HOUR]);

interface Case {
  readonly name: string;
  readonly options: object;
  readonly oracle: (set: BackendSet) => Oracle;
}

const flags = [false, true].flatMap((port) => [false, true].map((fallback) => ({ port, fallback })));
const cases: readonly Case[] = [
  ...flags.map(({ port, fallback }) => ({
    name: "sh",
    options: { shPort: port, shFallback: fallback },
    oracle: (set: BackendSet) => sourceHashing(set, { port, fallback }),
  })),
  { name: "dh", options: {}, oracle: destinationHashing },
  ...flags.map(({ port, fallback }, at) => ({
    name: "mh",
    options: { mhPort: port, mhFallback: fallback, mhTableIndex: 8 + (at % 2) },
    oracle: (set: BackendSet) => maglevHashing(set, { port, fallback }, 8 + (at % 2)),
  })),
  ...["6.1.176", "7.2.13"].flatMap((kernel) => [
    {
      name: "lblc",
      options: { kernel, lblcExpirationSeconds: 3600 },
      oracle: (set: BackendSet) => localityBased(set, HOUR, kernel === "6.1.176" ? 256 : 257),
    },
    {
      name: "lblcr",
      options: { kernel, lblcrExpirationSeconds: 3600 },
      oracle: (set: BackendSet) => localityBasedReplicated(set, HOUR, kernel === "6.1.176" ? 256 : 257),
    },
  ]),
  { name: "lblc", options: {}, oracle: (set) => localityBased(set, 24 * HOUR) },
  { name: "lblcr", options: {}, oracle: (set) => localityBasedReplicated(set, 24 * HOUR) },
  { name: "lblcr", options: { lblcrExpirationSeconds: 0 }, oracle: (set) => localityBasedReplicated(set, 0) },
];

function assertExplains({ balancer }: Servers, flow: Flow, nowMs: number, expected: number): void {
  const { slot, candidates } = balancer.explain(flow, nowMs);
  assert.equal(slot, expected);
  if (expected !== NO_BACKEND) assert.ok(candidates.some((one) => one.slot === expected));
}

for (const { name, options, oracle } of cases) {
  test(`${name} ${JSON.stringify(options)} makes the picks of its literal form on any trace, and explains them`, () => {
    fc.assert(
      fc.property(traces, fc.constantFrom(4, 17), (steps, capacity) => {
        const subject = servers(name, options, capacity);
        const literal = oracle(subject.set);
        let expected = NO_BACKEND;
        let picks = 0;
        play(subject, steps, {
          picking(flow, nowMs) {
            expected = literal.pick(flow, nowMs);
            picks += 1;
            if (picks % 30 === 0) assertExplains(subject, flow, nowMs, expected);
          },
          picked: (slot) => assert.equal(slot, expected),
          edited: () => literal.edited?.(),
        });
      }),
      { seed, numRuns: runs(1000, 60) },
    );
  });
}

const flowTo = (dst: number): Flow => ({ proto: TCP, src: 1 as Ip4, srcPort: 4000, dst: dst as Ip4, dstPort: 80 });

const expiring = [
  { name: "lblc", options: { lblcExpirationSeconds: 3600 }, oracle: localityBased },
  { name: "lblcr", options: { lblcrExpirationSeconds: 3600 }, oracle: localityBasedReplicated },
];

for (const { name, options, oracle } of expiring) {
  test(`${name} forgets what its literal form forgets of 40 000 addresses`, () => {
    const subject = servers(name, options, 7);
    const literal = oracle(subject.set, HOUR);
    for (let slot = 0; slot < 7; slot += 1) subject.add(slot, 1 + slot);
    const random = seededRandom(seed);
    let nowMs = 0;
    let agreed = 0;
    const pick = (dst: number): void => {
      const flow = flowTo(dst);
      const expected = literal.pick(flow, nowMs);
      assert.equal(subject.balancer.pick(flow, nowMs), expected, `seed ${seed}, pick ${agreed}, ${nowMs} ms`);
      // Nobody has less than half, so that an address that is remembered keeps its server.
      subject.count(expected, { active: 1 });
      agreed += 1;
    };
    // Past 16 384 within 5 minutes: sweeps that find nothing idle for 6 minutes, then some that do.
    for (let dst = 0; dst < 20_000; dst += 1, nowMs += 15) pick(dst);
    for (let n = 0; n < 3000; n += 1, nowMs += 100) pick(random.below(20_000));
    // Past 24 576 within a minute: what comes last is not remembered.
    for (let dst = 20_000; dst < 40_000; dst += 1, nowMs += 3) pick(dst);
    for (let n = 0; n < 5000; n += 1) pick(random.below(40_000));
    // Two full sweeps.
    nowMs += 3 * HOUR;
    for (let n = 0; n < 2000; n += 1, nowMs += 2000) pick(random.below(40_000));
  });
}
