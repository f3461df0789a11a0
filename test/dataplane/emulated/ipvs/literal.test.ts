import assert from "node:assert/strict";
import * as fc from "fast-check";
import { TCP, UDP } from "../../../../src/net/flow.ts";
import { formatIp, type Ip4 } from "../../../../src/net/ip.ts";
import { runs, seed } from "../../../support/seed.ts";
import { suite } from "../../../support/suite.ts";
import { LiteralIpvs, type LiteralOptions, type LiteralPacket, type Socket } from "./literal-ipvs.ts";
import { flowOf, Trial } from "./trial.ts";

const test = suite("IPVS against its literal form", { timeoutMs: 120_000 });

type Step =
  | { readonly op: "packet"; readonly socket: Socket; readonly kind: LiteralPacket }
  | { readonly op: "wait"; readonly ms: number }
  | { readonly op: "add"; readonly name: number; readonly weight: number }
  | { readonly op: "remove"; readonly nth: number }
  | { readonly op: "edit"; readonly nth: number; readonly weight: number }
  | { readonly op: "limit"; readonly nth: number; readonly upper: number; readonly span: number };

const of = <T>(value: T): fc.Arbitrary<T> => fc.constant(value);

/** Few clients and ports, so that sockets are used again; two clients in a /24, one outside. */
const socket: fc.Arbitrary<Socket> = fc.record({
  udp: fc.boolean(),
  client: fc.constantFrom(0x0a010101, 0x0a010102, 0x0a010201),
  port: fc.constantFrom(1024, 1025, 1026),
});
const kinds = [
  ...Array.from({ length: 4 }, () => "open" as const),
  ...(["request", "request", "reply", "client-fin", "server-fin", "client-rst", "server-rst"] as const),
];
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ op: of("packet" as const), socket, kind: fc.constantFrom(...kinds) }) },
    // Around every time-out that there is.
    {
      weight: 4,
      arbitrary: fc.record({
        op: of("wait" as const),
        ms: fc.oneof(
          fc.integer({ min: 1, max: 70_000 }),
          fc.constantFrom(2000, 10_000, 60_000, 120_000, 300_000, 900_000, 9999),
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ op: of("add" as const), name: fc.integer({ min: 1, max: 20 }), weight: fc.nat(2) }),
    },
    { weight: 1, arbitrary: fc.record({ op: of("remove" as const), nth: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ op: of("edit" as const), nth: fc.nat(30), weight: fc.nat(2) }) },
    {
      weight: 1,
      arbitrary: fc.record({ op: of("limit" as const), nth: fc.nat(30), upper: fc.nat(4), span: fc.nat(3) }),
    },
  ),
  { maxLength: 120, size: "max" },
);

const options: fc.Arbitrary<LiteralOptions> = fc.record({
  reuse: fc.boolean(),
  expireNodest: fc.boolean(),
  expireQuiescent: fc.boolean(),
  onePacket: fc.boolean(),
  persistenceMs: fc.constantFrom(0, 2000, 60_000, 300_000),
  maskedBits: fc.constantFrom(0, 8),
});

function trialOf({
  reuse,
  expireNodest,
  expireQuiescent,
  onePacket,
  persistenceMs,
  maskedBits,
}: LiteralOptions): Trial {
  const netmask = ((0xffff_ffff << maskedBits) >>> 0) as Ip4;
  const persistence = persistenceMs === 0 ? undefined : { timeoutMs: persistenceMs, netmask };
  return new Trial(
    { scheduler: "lc", persistence, onePacket },
    { sysctls: { reuseConnections: reuse, expireNodestConn: expireNodest, expireQuiescentTemplate: expireQuiescent } },
  );
}

/** Takes a step on both sides, where there is something that it can happen to. @returns what became of a packet. */
function take(step: Step, trial: Trial, literal: LiteralIpvs): readonly [ours: unknown, theirs: unknown] {
  const listed = literal.counts().map(([name]) => name);
  const nth = "nth" in step ? listed[step.nth % listed.length] : undefined;
  if (step.op === "packet") {
    const { udp, client, port } = step.socket;
    const flow = flowOf(formatIp(client as Ip4), port, udp ? UDP : TCP);
    return [trial.send(flow, step.kind), literal.packet(step.socket, step.kind)];
  }
  if (step.op === "wait") {
    trial.clock.advance(step.ms);
    literal.wait(step.ms);
  } else if (step.op === "add") {
    if (listed.includes(step.name)) return [0, 0];
    trial.add(step.name, { weight: step.weight });
    literal.add(step.name, step.weight);
  } else if (nth !== undefined) {
    if (step.op === "remove") {
      trial.remove(nth);
      literal.remove(nth);
    } else {
      const settings =
        step.op === "edit"
          ? { weight: step.weight }
          : { upper: step.upper, lower: Math.max(step.upper - step.span, 0) };
      trial.edit(nth, settings);
      literal.edit(nth, settings);
    }
  }
  return [0, 0];
}

test("every packet goes the same way, and every server has the same counts after every step", () => {
  fc.assert(
    fc.property(options, steps, (options, steps) => {
      const trial = trialOf(options);
      const literal = new LiteralIpvs(options);
      for (const name of [1, 2, 3]) {
        trial.add(name);
        literal.add(name, 1);
      }
      for (const [at, step] of steps.entries()) {
        const [ours, theirs] = take(step, trial, literal);
        assert.equal(ours, theirs, `step ${at}: ${JSON.stringify(step)}`);
        assert.deepEqual(trial.counts(), literal.counts(), `after step ${at}: ${JSON.stringify(step)}`);
      }
    }),
    { seed, numRuns: runs(3000, 400) },
  );
});
