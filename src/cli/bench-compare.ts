import { compareResults, hasRegressed } from "../report/compare.ts";
import { renderComparison } from "../report/comparison.ts";
import { readResult } from "./bench-result-input.ts";
import { ExitCode } from "./exit-code.ts";
import { inForm } from "./output.ts";
import type { OutputForm } from "./output-option.ts";

export interface CompareArguments {
  readonly before: string;
  readonly after: string;
  readonly thresholdPercent: number | undefined;
  readonly o: OutputForm;
}

const THRESHOLD_PERCENT = 5;

/**
 * Prints what differs between two results.
 *
 * @returns 1 when something is worse beyond noise and the threshold, or fails that had not failed.
 */
export async function compare({ before, after, thresholdPercent, o }: CompareArguments): Promise<number> {
  const threshold = (thresholdPercent ?? THRESHOLD_PERCENT) / 100;
  const comparison = compareResults(await readResult(before), await readResult(after), threshold);
  process.stdout.write(
    o === "table"
      ? renderComparison(comparison, threshold)
      : inForm(o, `${JSON.stringify(comparison, undefined, 2)}\n`),
  );
  return hasRegressed(comparison) ? ExitCode.no : ExitCode.done;
}
