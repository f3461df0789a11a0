import type { BenchResult, CellResult, WorkSummary } from "../../measure/result.ts";
import { mark, someControlDiffers } from "../control.ts";
import { formatRatio } from "../format.ts";

/** What came out, in a sentence a work: who is fastest, who slowest, and whether that can be told. */
export function answerTexts(result: BenchResult): string[] {
  return result.works.flatMap((work) => answerOf(result, work) ?? []);
}

function answerOf({ cells, control }: BenchResult, { work }: WorkSummary): string | undefined {
  const isSubject = ({ subject }: CellResult): boolean => subject !== control.reference && subject !== control.again;
  const compared = cells
    .filter((cell) => cell.work === work && isSubject(cell) && cell.ratio !== null && cell.ratio.value !== null)
    .sort((a, b) => b.ratio!.value! - a.ratio!.value!);
  const [best, ...others] = compared;
  if (best === undefined) return undefined;
  const ratioText = ({ ratio, ratioDoubtful }: CellResult): string => formatRatio(ratio) + mark(ratioDoubtful === true);
  const first = `In ${work}, ${best.subject} does ${ratioText(best)} of ${control.reference}`;
  const last = others.at(-1);
  if (last === undefined) return `${first}.`;
  const apart = intervalsApart(best, last) ? "" : "; their intervals meet, so that they are not told apart";
  return `${first}, ${last.subject} ${ratioText(last)}${apart}.`;
}

function intervalsApart(better: CellResult, worse: CellResult): boolean {
  const [a, b] = [better.ratio!.interval, worse.ratio!.interval];
  return a !== null && b !== null && b[1] < a[0];
}

/** How far the figures can be relied on. */
export function sureText(result: BenchResult & { readonly bottlenecks: number }): string {
  const { control, failures, method, bottlenecks } = result;
  const base = `${method.blocks.value} interleaved blocks, intervals of ${(method.confidence.value ?? 0) * 100} %`;
  const quiet =
    control.differs === null
      ? `whether ${control.again}, which is ${control.reference} once more, differs from it cannot be told`
      : control.differs
        ? `but ${control.again}, which is ${control.reference} once more, differs from it: ratios with hollow dots are doubtful`
        : `${control.again}, which is ${control.reference} once more, does not differ from it`;
  const failed = failures.length === 0 ? "no failure" : `${failures.length} failures: see the notes`;
  const bound = bottlenecks === 0 ? "" : `; ${bottlenecks} cells were held back by our own threads: see the notes`;
  const other =
    control.differs !== true && someControlDiffers(result)
      ? "; but another control differs: figures with ? are doubtful, see the notes"
      : "";
  return `${base}; ${quiet}${other}; ${failed}${bound}.`;
}
