import type { LoadErrors } from "../load/task.ts";
import type { Asked } from "../probe/probe.ts";

/**
 * A stretch of a trial that one event is answerable for: requests that ended in it, since one that was under way when an
 * endpoint died has failed by that. Times as of `systemClock`.
 */
export interface EventWindow {
  readonly fromMs: number;
  readonly untilMs: number;
  /** The number of the endpoint that came back with it; undefined: none did. */
  readonly back: number | undefined;
}

/** What became of the requests of one event, in one trial. */
export interface EventFigures {
  readonly asked: number;
  readonly errors: LoadErrors;
  /** From the event to when the last request that failed was due, in milliseconds; 0: none failed. */
  readonly lastFailureMs: number;
  /** From the event to the first right answer to a request that was due after it; undefined: there was none. */
  readonly firstAnswerMs: number | undefined;
  /** From the event to the first answer of the endpoint that came back; undefined: none came back, or none came. */
  readonly backMs: number | undefined;
}

/** @param asked of one way of connecting, in any order. */
export function eventFigures(asked: readonly Asked[], { fromMs, untilMs, back }: EventWindow): EventFigures {
  const own = asked.filter(({ endedMs }) => endedMs >= fromMs && endedMs < untilMs);
  const answered = own.filter(({ outcome, dueMs }) => outcome === "answered" && dueMs >= fromMs);
  const failedAt = own.filter(({ outcome }) => outcome !== "answered").map(({ dueMs }) => dueMs - fromMs);
  const count = (outcome: keyof LoadErrors): number => own.filter((one) => one.outcome === outcome).length;
  return {
    asked: own.length,
    errors: {
      refused: count("refused"),
      dropped: count("dropped"),
      timedOut: count("timedOut"),
      wrong: count("wrong"),
    },
    lastFailureMs: Math.max(0, ...failedAt),
    firstAnswerMs: firstEnd(answered, fromMs),
    backMs:
      back === undefined
        ? undefined
        : firstEnd(
            answered.filter(({ endpoint }) => endpoint === back),
            fromMs,
          ),
  };
}

function firstEnd(asked: readonly Asked[], fromMs: number): number | undefined {
  return asked.length === 0 ? undefined : Math.min(...asked.map(({ endedMs }) => endedMs)) - fromMs;
}
