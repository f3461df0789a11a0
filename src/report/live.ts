import { countOf } from "../core/count.ts";
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
/** A name of a work is broken into lines of so many letters. */
const NARROW_HEAD = 14;
/** The first for which the terminal is wide enough: how many of the newest rates spark lines show, and letters of a name's line. */
const looks = [
  { sparks: 10, head: Infinity },
  { sparks: 10, head: NARROW_HEAD },
  { sparks: 6, head: NARROW_HEAD },
  { sparks: 4, head: NARROW_HEAD },
  { sparks: 0, head: NARROW_HEAD },
] as const;
type Look = (typeof looks)[number];
const GAP = "  ";
/** Room that is kept for a rate: `46,000/s`. */
const LEAST_RATE = 8;

/**
 * A bar with the time left, and below it a table: for each subject and work the median rate so far, and its last rates as
 * a spark line. For a terminal only.
 *
 * @param columns and @param rows of the terminal. Where it is narrow, spark lines are shorter and names of works stand on
 *   several lines; works that have no room even so are left out and counted. A table that is higher is left out.
 */
export function liveLines({ done, total, secondsLeft, cells }: LiveState, columns: number, rows: number): string[] {
  // One column less, since some terminals wrap at the last one.
  const width = columns - 1;
  const filled = Math.round((BAR_WIDTH * done) / total);
  const isCold = cells.length > 0 && cells.every(({ rates }) => rates.length === 0);
  const bar = `${"█".repeat(filled).padEnd(BAR_WIDTH, "░")} ${done}/${total} slices, ${secondsLeft} s left${isCold ? ", warming up" : ""}`;
  const table = cells.length === 0 ? [] : tableFor(cells, width);
  const lines = table.length + 2 < rows ? [bar, ...table] : [bar];
  return lines.map((line) => [...line].slice(0, width).join(""));
}

function tableFor(cells: readonly LiveCell[], width: number): string[] {
  const works = [...new Set(cells.map(({ work }) => work))];
  const subjects = [...new Set(cells.map(({ subject }) => subject))];
  const names: Column = { head: [""], body: subjects };
  const columnsWith = (look: Look): Column[] => [names, ...works.map((work) => columnOf(cells, subjects, work, look))];
  const fitting = looks.map(columnsWith).find((all) => widthOf(all) <= width);
  if (fitting !== undefined) return aligned(fitting);
  const narrow = columnsWith(looks.at(-1)!);
  while (narrow.length > 1 && widthOf(narrow) > width) narrow.pop();
  const left = works.length + 1 - narrow.length;
  return [...aligned(narrow), `… and ${countOf(left, "work")} more on a wider terminal`];
}

/** What stands below each other; all lines of the body are there from the start, so that nothing jumps. */
interface Column {
  readonly head: readonly string[];
  readonly body: readonly string[];
}

/** Rates with their last digits below each other, and behind them spark lines that grow into their place. */
function columnOf(
  cells: readonly LiveCell[],
  subjects: readonly string[],
  work: string,
  { sparks, head }: Look,
): Column {
  const own = subjects.map((subject) => cells.find((one) => one.subject === subject && one.work === work));
  const rates = own.map((cell) => (cell === undefined ? "" : medianText(cell)));
  const widest = Math.max(LEAST_RATE, ...rates.map(({ length }) => length));
  const body = rates.map((rate, at) => {
    const behind = sparks === 0 ? "" : ` ${sparkLine((own[at]?.rates ?? []).slice(-sparks)).padEnd(sparks)}`;
    return `${rate.padStart(widest)}${behind}`;
  });
  return { head: wrapped(work, Math.max(head, ...body.map(({ length }) => length))), body };
}

function medianText({ rates, unit }: LiveCell): string {
  if (rates.length === 0) return "";
  const median = rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)]!;
  return `${formatRate({ value: median, unit })}${units[unit] ?? ""}`;
}

/** A name on lines of so many letters, broken behind hyphens and blanks; a longer part stays whole. */
function wrapped(name: string, width: number): string[] {
  const lines: string[] = [""];
  for (const part of name.match(/[^- ]+[- ]?|[- ]/g) ?? []) {
    const last = lines.at(-1)!;
    if (last !== "" && last.length + part.trimEnd().length > width) lines.push(part);
    else lines[lines.length - 1] = last + part;
  }
  return lines.map((line) => line.trimEnd());
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

function widthOf(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + columnWidth(column) + GAP.length, -GAP.length);
}

function columnWidth({ head, body }: Column): number {
  return Math.max(...[...head, ...body].map(({ length }) => length));
}

/** Heads stand on the line above the bodies, and grow upwards. */
function aligned(columns: readonly Column[]): string[] {
  const headLines = Math.max(...columns.map(({ head }) => head.length));
  const padded = columns.map((column) => {
    const above = Array<string>(headLines - column.head.length).fill("");
    return [...above, ...column.head, ...column.body].map((text) => text.padEnd(columnWidth(column)));
  });
  return padded[0]!.map((_, line) =>
    padded
      .map((column) => column[line]!)
      .join(GAP)
      .trimEnd(),
  );
}
