import type { Unit } from "../measure/result.ts";
import { formatRate } from "./format.ts";

/** How far a run is, and what it has measured so far. */
export interface LiveState {
  /** Slices. */
  readonly done: number;
  readonly total: number;
  readonly secondsLeft: number;
  readonly cells: readonly LiveCell[];
}

/** A subject doing a work: its rates, in the order of the blocks. */
export interface LiveCell {
  readonly subject: string;
  readonly work: string;
  readonly unit: Unit;
  readonly rates: readonly number[];
}

const BAR_WIDTH = 30;
const SPARKS = "▁▂▃▄▅▆▇█";
/** The newest rates that a spark line shows. */
const MOST_SPARKS = 10;

/**
 * A bar with the time left, and below it a table: for each subject and work the median rate so far, and its last rates as
 * a spark line. For a terminal only.
 *
 * @param columns and @param rows of the terminal: what is wider is cut off, and a table that is higher is left out.
 */
export function liveLines({ done, total, secondsLeft, cells }: LiveState, columns: number, rows: number): string[] {
  const filled = Math.round((BAR_WIDTH * done) / total);
  const bar = `${"█".repeat(filled).padEnd(BAR_WIDTH, "░")} ${done}/${total} slices, ${secondsLeft} s left`;
  const works = [...new Set(cells.map(({ work }) => work))];
  const subjects = [...new Set(cells.map(({ subject }) => subject))];
  const table = [
    ["", ...works],
    ...subjects.map((subject) => [subject].concat(works.map((work) => cellText(cells, subject, work)))),
  ];
  const fits = cells.length > 0 && table.length + 2 < rows;
  const lines = fits ? [bar, ...aligned(table)] : [bar];
  // One column less, since some terminals wrap at the last one.
  return lines.map((line) => [...line].slice(0, columns - 1).join(""));
}

function cellText(cells: readonly LiveCell[], subject: string, work: string): string {
  const cell = cells.find((one) => one.subject === subject && one.work === work);
  if (cell === undefined || cell.rates.length === 0) return "";
  const median = cell.rates.toSorted((a, b) => a - b)[Math.floor(cell.rates.length / 2)]!;
  const unit = units[cell.unit] ?? "";
  return `${formatRate({ value: median, unit: cell.unit })}${unit} ${sparkLine(cell.rates.slice(-MOST_SPARKS))}`;
}

/** Behind a figure; of a count there is none. */
const units: Partial<Readonly<Record<Unit, string>>> = { "B/s": " MB/s", "1/s": "/s" };

/** Values as little bars, from 0 to the largest. No values, no bars. */
export function sparkLine(values: readonly number[]): string {
  const most = Math.max(...values, Number.MIN_VALUE);
  return values
    .map((value) => SPARKS[Math.min(Math.floor((value / most) * SPARKS.length), SPARKS.length - 1)])
    .join("");
}

function aligned(table: readonly (readonly string[])[]): string[] {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
