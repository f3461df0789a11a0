import { geometricMeanInterval, type Interval, type IntervalRequest } from "../../measure/intervals.ts";

/** Works out one interval in a thread of the pool. */
export function intervalTask({ values, seed }: IntervalRequest): Interval {
  return geometricMeanInterval(values, seed);
}
