import { createLatencyHistogram, encodeHistogram, recordLatency } from "../histogram.ts";
import type { LaneRun } from "./lane.ts";
import { LATE_MS, type LoadErrors, type LoadSample } from "./task.ts";

/** Counts what lanes tell. */
export interface Tally extends Pick<LaneRun, "opened" | "completed" | "answered" | "received" | "failed"> {
  /** An open loop sent a request so many milliseconds late by its own doing. */
  sent(lateMs: number): void;
  /** @param seconds how long the window was open. */
  sample(seconds: number): LoadSample;
}

/** @param isOpen operations that are completed while it is false do not count. */
export function createTally(isOpen: () => boolean): Tally {
  const latency = createLatencyHistogram();
  const errors: { -readonly [K in keyof LoadErrors]: number } = { refused: 0, dropped: 0, timedOut: 0, wrong: 0 };
  let operations = 0;
  let answers = 0;
  let opened = 0;
  let bytes = 0;
  let sentLate = 0;
  return {
    opened: () => (opened += 1),
    completed(count) {
      if (isOpen()) operations += count;
    },
    answered(latencyMs) {
      answers += 1;
      if (latencyMs !== undefined) recordLatency(latency, latencyMs);
    },
    received: (count) => (bytes += count),
    sent(lateMs) {
      if (lateMs > LATE_MS) sentLate += 1;
    },
    failed: (error) => (errors[error] += 1),
    sample: (seconds) => ({
      operations,
      seconds,
      latency: encodeHistogram(latency),
      errors: { ...errors },
      answers,
      opened,
      bytes,
      sentLate,
    }),
  };
}
