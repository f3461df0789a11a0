import * as fc from "fast-check";
import { holds, listed } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import type { DrivenSet } from "./driven-set.ts";
import { sampleFlows } from "./flows.ts";

/** One thing that happens to a balancer. `nth` counts round among the things that it can happen to. */
export type Step =
  /** A flow opens: as active (TCP) or inactive (UDP). */
  | { readonly op: "open"; readonly as: "active" | "inactive" }
  /** An active connection goes inactive. */
  | { readonly op: "close"; readonly nth: number }
  /** An inactive connection is forgotten. */
  | { readonly op: "forget"; readonly nth: number }
  /** A slot outside the list is linked; it may have connections from before. */
  | { readonly op: "add"; readonly nth: number; readonly weight: number }
  | { readonly op: "remove"; readonly nth: number }
  | { readonly op: "reweigh"; readonly nth: number; readonly weight: number };

const nth = fc.nat(30);
const weight = fc.oneof(
  { weight: 3, arbitrary: fc.nat(4) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 65_534, 65_535) },
);

/** Random traces: mostly flows, with a change of the list in between. */
export const traces: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ op: fc.constant("open" as const), as: fc.constantFrom("active", "inactive") }),
    },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("close" as const), nth }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("forget" as const), nth }) },
    { weight: 3, arbitrary: fc.record({ op: fc.constant("add" as const), nth, weight }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("remove" as const), nth }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("reweigh" as const), nth, weight }) },
  ),
  { maxLength: 150, size: "max" },
);

/** Who looks on while a trace is played. */
export interface Watcher {
  /** Right before a pick. */
  picking?(): void;
  picked?(slot: number): void;
  removing?(slot: number): void;
  /** After each step. */
  done?(): void;
}

const flow = sampleFlows(1, 1)[0]!;

/** Plays a trace. A step that has nothing to happen to is passed over. @returns the picks. */
export function play(driven: DrivenSet, steps: readonly Step[], watcher: Watcher = {}): number[] {
  const { set } = driven;
  const connections: { slot: number; active: boolean }[] = [];
  const picks: number[] = [];
  const nthOf = <T>(all: readonly T[], nth: number): T | undefined => all[nth % Math.max(all.length, 1)];
  const slots = Array.from({ length: set.capacity }, (_, slot) => slot);

  const open = (active: boolean): void => {
    watcher.picking?.();
    const slot = driven.balancer.pick(flow, 0);
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
  const edit = (step: Step & { readonly op: "add" | "remove" | "reweigh" }): void => {
    const slot = nthOf(step.op === "add" ? slots.filter((slot) => !holds(set, slot)) : listed(set), step.nth);
    if (slot === undefined) return;
    if (step.op === "add") driven.add(slot, step.weight);
    else if (step.op === "reweigh") driven.reweigh(slot, step.weight);
    else {
      watcher.removing?.(slot);
      driven.remove(slot);
    }
  };

  for (const step of steps) {
    if (step.op === "open") open(step.as === "active");
    else if (step.op === "close") close(step.nth);
    else if (step.op === "forget") forget(step.nth);
    else edit(step);
    watcher.done?.();
  }
  return picks;
}
