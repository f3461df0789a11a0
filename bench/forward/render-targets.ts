import { interval, table } from "./render-table.ts";
import type { Measured } from "./result.ts";
import { reached } from "./targets.ts";

/** A line an aim: what it is, what came of it with its 95 % interval, and whether that reaches it. */
export function renderTargets(measured: Measured): string {
  const lines = reached(measured).map(({ what, aim, interval: found, met }) => [
    what,
    aim,
    interval(found),
    met ? "met" : "missed",
  ]);
  return table([["aim", "", "measured (95 %)", ""], ...lines]);
}
