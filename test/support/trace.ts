import * as fc from "fast-check";
import { holds, listed } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import type { Flow } from "../../src/net/flow.ts";
import type { DrivenSet } from "./driven-set.ts";
import { sampleFlows } from "./flows.ts";

/** One thing that happens to a balancer. `nth` counts round among the things that it can happen to. */
export type Step =
  /** A flow opens: as active (TCP) or inactive (UDP); by default it is always the same one. */
  | { readonly op: "open"; readonly as: "active" | "inactive"; readonly flow?: Flow }
  /** Time passes. */
  | { readonly op: "wait"; readonly ms: number }
  /** An active connection goes inactive. */
  | { readonly op: "close"; readonly nth: number }
  /** An inactive connection is forgotten. */
  | { readonly op: "forget"; readonly nth: number }
  /** A slot outside the list is linked; it may have connections from before. */
  | { readonly op: "add"; readonly nth: number; readonly weight: number }
  | { readonly op: "remove"; readonly nth: number }
  | { readonly op: "reweigh"; readonly nth: number; readonly weight: number }
  /** The thresholds of a listed slot are set; `span` is how far the lower one is below the upper one. */
  | { readonly op: "limit"; readonly nth: number; readonly upper: number; readonly span: number };

const nth = fc.nat(30);
const weight = fc.oneof(
  { weight: 3, arbitrary: fc.nat(4) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 65_534, 65_535) },
);

interface Weighted {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<Step>;
}

const as = fc.constantFrom("active", "inactive");
const changes: readonly Weighted[] = [
  { weight: 2, arbitrary: fc.record({ op: fc.constant("close" as const), nth }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("forget" as const), nth }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("add" as const), nth, weight }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("remove" as const), nth }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("reweigh" as const), nth, weight }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("limit" as const), nth, upper: fc.nat(6), span: fc.nat(3) }) },
];
const steps = (...opens: readonly Weighted[]): fc.Arbitrary<readonly Step[]> =>
  fc.array(fc.oneof(...opens, ...changes), { maxLength: 150, size: "max" });

/** Random traces: mostly flows, with a change of the list in between. */
export const traces = steps({ weight: 6, arbitrary: fc.record({ op: fc.constant("open" as const), as }) });

/** The same with different flows. @param waits lengths of time that pass in between, in ms. */
export function tracesOf(flows: readonly Flow[], waits: readonly number[]): fc.Arbitrary<readonly Step[]> {
  return steps(
    { weight: 8, arbitrary: fc.record({ op: fc.constant("open" as const), as, flow: fc.constantFrom(...flows) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("wait" as const), ms: fc.constantFrom(...waits) }) },
  );
}

/** Who looks on while a trace is played. */
export interface Watcher {
  /** Right before a pick. */
  picking?(flow: Flow, nowMs: number): void;
  picked?(slot: number): void;
  removing?(slot: number): void;
  /** After a slot was added, removed, reweighed or given thresholds. */
  edited?(): void;
  /** After each step. */
  done?(): void;
}

const onlyFlow = sampleFlows(1, 1)[0]!;

/** Plays a trace. A step that has nothing to happen to is passed over. @returns the picks. */
export function play(driven: DrivenSet, steps: readonly Step[], watcher: Watcher = {}): number[] {
  const { set } = driven;
  const connections: { slot: number; active: boolean }[] = [];
  const picks: number[] = [];
  const nthOf = <T>(all: readonly T[], nth: number): T | undefined => all[nth % Math.max(all.length, 1)];
  const slots = Array.from({ length: set.capacity }, (_, slot) => slot);

  let nowMs = 0;

  const open = (active: boolean, flow: Flow): void => {
    watcher.picking?.(flow, nowMs);
    const slot = driven.balancer.pick(flow, nowMs);
    watcher.picked?.(slot);
    picks.push(slot);
    if (slot === NO_BACKEND) return;
    connections.push({ slot, active });
    driven.count(slot, active ? { active: 1 } : { inactive: 1 });
  };
  const close = (nth: number): void => {
    const one = nthOf(
      connections.filter(({ active }) => active),
      nth,
    );
    if (one === undefined) return;
    one.active = false;
    driven.count(one.slot, { active: -1, inactive: 1 });
  };
  const forget = (nth: number): void => {
    const one = nthOf(
      connections.filter(({ active }) => !active),
      nth,
    );
    if (one === undefined) return;
    connections.splice(connections.indexOf(one), 1);
    driven.count(one.slot, { inactive: -1 });
  };
  const edit = (step: Step & { readonly op: "add" | "remove" | "reweigh" | "limit" }): void => {
    const slot = nthOf(step.op === "add" ? slots.filter((slot) => !holds(set, slot)) : listed(set), step.nth);
    if (slot === undefined) return;
    if (step.op === "add") driven.add(slot, step.weight);
    else if (step.op === "reweigh") driven.reweigh(slot, step.weight);
    else if (step.op === "limit") driven.limit(slot, { upper: step.upper, lower: Math.max(step.upper - step.span, 0) });
    else {
      watcher.removing?.(slot);
      driven.remove(slot);
    }
    watcher.edited?.();
  };

  for (const step of steps) {
    if (step.op === "open") open(step.as === "active", step.flow ?? onlyFlow);
    else if (step.op === "wait") nowMs += step.ms;
    else if (step.op === "close") close(step.nth);
    else if (step.op === "forget") forget(step.nth);
    else edit(step);
    watcher.done?.();
  }
  return picks;
}
