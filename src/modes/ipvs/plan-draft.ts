import type { Step } from "./steps.ts";

/** Steps by what has to be done first. */
export interface PlanDraft {
  /** What others stand on. */
  readonly prepare: Step[];
  readonly add: Step[];
  readonly edit: Step[];
  readonly remove: Step[];
}
