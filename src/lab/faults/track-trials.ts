import { systemClock } from "../../core/clock.ts";
import { totalErrors } from "../../measure/cells.ts";
import type { FaultTrial } from "../../measure/faults/summarize-faults.ts";
import { connecting } from "../../measure/probe/probe.ts";
import type { Progress } from "../options.ts";
import type { OpenTheatre } from "./open-theatre.ts";
import { eventNames } from "./scenarios.ts";

/** Turns trials into what a terminal shows: by subject and event, requests that failed. @param total trials. */
export function trackTrials(
  total: number,
  { subjects }: Pick<OpenTheatre, "subjects">,
  report: (progress: Progress) => void = () => {},
): (trials: readonly FaultTrial[]) => void {
  const startedMs = systemClock.nowMs();
  const failed = new Map<string, number[]>();
  let done = 0;
  return (trials) => {
    done += 1;
    for (const { subject, event, figures } of trials) {
      const key = `${subject} ${event}`;
      const sum = connecting.reduce((errors, how) => errors + totalErrors(figures[how].errors), 0);
      failed.set(key, [...(failed.get(key) ?? []), sum]);
    }
    report({
      done,
      total,
      secondsLeft: Math.round(((total - done) * (systemClock.nowMs() - startedMs)) / done / 1000),
      cells: subjects.flatMap(({ name }) =>
        eventNames.map((event) => ({
          subject: name,
          work: event,
          unit: "1" as const,
          rates: failed.get(`${name} ${event}`) ?? [],
        })),
      ),
    });
  };
}
