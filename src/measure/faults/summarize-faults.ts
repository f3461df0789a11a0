import { totalErrors } from "../cells.ts";
import type { LoadErrors } from "../load/task.ts";
import { meanEstimate } from "../mean.ts";
import { type Connecting, connecting } from "../probe/probe.ts";
import { type Failure, quantity } from "../result.ts";
import type { EventFigures } from "./event-figures.ts";
import type { FaultCell } from "./result.ts";

/** One event in one trial of a subject. */
export interface FaultTrial {
  readonly subject: string;
  readonly event: string;
  readonly figures: Readonly<Record<Connecting, EventFigures>>;
}

/** A cell for each event, subject and way of connecting, in this order. */
export function faultCells(
  trials: readonly FaultTrial[],
  events: readonly string[],
  subjects: readonly string[],
): FaultCell[] {
  return events.flatMap((event) =>
    connecting.flatMap((how) =>
      subjects.map((subject) => {
        const own = trials.filter((trial) => trial.event === event && trial.subject === subject);
        return faultCell(
          { event, subject, connections: how },
          own.map(({ figures }) => figures[how]),
        );
      }),
    ),
  );
}

function faultCell(
  name: Pick<FaultCell, "event" | "subject" | "connections">,
  figures: readonly EventFigures[],
): FaultCell {
  const failed = figures.map(({ errors }) => totalErrors(errors));
  const lastFailure = figures.map(({ lastFailureMs }) => lastFailureMs);
  const sum = (kind: keyof LoadErrors) => quantity(sumOf(figures.map(({ errors }) => errors[kind])), "1");
  return {
    ...name,
    asked: quantity(sumOf(figures.map(({ asked }) => asked)), "1"),
    failed: meanEstimate(failed, "1"),
    lastFailure: meanEstimate(lastFailure, "ms"),
    firstAnswer: meanEstimate(defined(figures.map(({ firstAnswerMs }) => firstAnswerMs)), "ms", "too-few-answers"),
    backAfter: meanEstimate(defined(figures.map(({ backMs }) => backMs)), "ms", "not-applicable"),
    errors: { refused: sum("refused"), dropped: sum("dropped"), timedOut: sum("timedOut"), wrong: sum("wrong") },
    trials: { failed: { values: failed, unit: "1" }, lastFailure: { values: lastFailure, unit: "ms" } },
  };
}

/**
 * What makes figures worthless: wrong answers, and requests that failed while nothing had been done to anybody.
 *
 * @param calm the event in which nothing happens.
 */
export function faultFailures(cells: readonly FaultCell[], calm: string): Failure[] {
  return cells.flatMap(({ event, subject, connections, errors, failed }): Failure[] => {
    const work = `${event}, ${connections} connections`;
    if ((errors.wrong.value ?? 0) > 0) return [{ subject, work, reason: "wrong-answer" }];
    return event === calm && (failed.value ?? 0) > 0 ? [{ subject, work, reason: "unanswered" }] : [];
  });
}

/** Failed requests of all events in each block, a list a subject. */
export function failedByBlock(blocks: readonly (readonly FaultTrial[])[], subject: string): number[] {
  return blocks.map((trials) =>
    sumOf(
      trials
        .filter((trial) => trial.subject === subject)
        .flatMap(({ figures }) => connecting.map((how) => totalErrors(figures[how].errors))),
    ),
  );
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function defined(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}
