import type { EnvironmentStart } from "../measure/environment.ts";
import { environmentSince } from "../measure/environment.ts";
import { CONFIDENCE, FEWEST_BLOCKS } from "../measure/intervals.ts";
import { type BenchResult, quantity, SCHEMA } from "../measure/result.ts";

/** What a document of a plan that has no works says of its own. */
interface Framed extends Pick<BenchResult, "endedBy" | "failures" | "notes" | "services" | "subjects" | "unmeasured"> {
  readonly seed: number;
  readonly blocks: number;
  readonly plannedBlocks: number;
  readonly budgetMs: number;
  /** How long one trial takes. */
  readonly windowMs: number;
  readonly messageBytes: number;
  readonly timeoutMs: number;
  /** Of the control: whether the reference differs from itself. */
  readonly differs: boolean | null;
  /** How intervals were made. */
  readonly intervals: string;
  readonly start: EnvironmentStart;
  readonly engine: string;
}

/** The document around trials that are not works: everything but their own figures. */
export function frameResult({ start, engine, differs, ...own }: Framed): BenchResult {
  const { endedBy, failures, notes, services, subjects, unmeasured } = own;
  const [reference, again] = subjects;
  return {
    schema: SCHEMA,
    complete: endedBy === "plan",
    endedBy,
    failures,
    control: { reference: reference!.subject, again: again!.subject, ratios: [], differs },
    limits: [],
    notes,
    method: {
      seed: String(own.seed),
      blocks: quantity(own.blocks, "1"),
      plannedBlocks: quantity(own.plannedBlocks, "1"),
      fewestBlocks: quantity(FEWEST_BLOCKS, "1"),
      budget: quantity(own.budgetMs / 1000, "s"),
      precision: quantity(undefined, "1", "not-applicable"),
      window: quantity(own.windowMs, "ms"),
      messageSize: quantity(own.messageBytes, "B"),
      timeout: quantity(own.timeoutMs, "ms"),
      confidence: quantity(CONFIDENCE, "1"),
      intervals: own.intervals,
    },
    services,
    works: [],
    subjects,
    unmeasured,
    cells: [],
    environment: environmentSince(start, engine),
  };
}
