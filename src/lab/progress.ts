import type { Clock } from "../core/clock.ts";
import type { Progress } from "./options.ts";

/** Turns "so many slices are done" into what a terminal shows; slices take about as long as each other. */
export function trackProgress(
  clock: Clock,
  report: (progress: Progress) => void = () => {},
): (done: number, total: number) => void {
  const startedMs = clock.nowMs();
  return (done, total) => {
    const msEach = (clock.nowMs() - startedMs) / done;
    report({ done, total, secondsLeft: Math.round(((total - done) * msEach) / 1000) });
  };
}
