import * as Plot from "@observablehq/plot";
import type { BenchResult, Scale, ScalePoint, WorkSummary } from "../../measure/result.ts";
import { formatNumber, formatTick } from "../format.ts";
import { type PublishedTable, publishedTables } from "../published.ts";
import { figure } from "./figure.ts";
import { html, type Html } from "./html.ts";
import { logTicks } from "./log-ticks.ts";
import { legendOf, seriesOf } from "./series.ts";

interface Point {
  readonly line: string;
  readonly services: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const US_A_MS = 1000;

/** Everything against the number of services; nothing where a run had no such numbers. */
export function scaleFigures(result: BenchResult): readonly Html[] {
  const { scale, works } = result;
  if (scale === undefined || scale.points.length === 0) return [];
  return [
    html`<h2>Against the number of services</h2>`,
    ...works.map((work) => latencyAgainstServices(result, scale, work)),
    ...works.map((work) => rateAgainstServices(result, scale, work)),
    againstServices(
      "Rules that a first packet passes, counted by the emulator",
      "rules",
      "rules-passed",
      quantities(scale, "rules"),
    ),
    html`<h2>Sync cost</h2>`,
    againstServices("Sync of the whole cluster, and of one endpoint", "ms", "full-sync-ms", [
      ...scale.points.flatMap(({ like, services, fullSync: { value, interval } }) =>
        pointOf(`${like}, all`, services.value, value, interval),
      ),
      ...scale.points.flatMap(({ like, services, changeSync: { value, interval } }) =>
        pointOf(`${like}, one endpoint`, services.value, value, interval),
      ),
    ]),
    againstServices("Bytes sent to the kernel's commands by a sync", "bytes", undefined, [
      ...quantities(scale, "fullBytes", ", all"),
      ...quantities(scale, "changeBytes", ", one endpoint"),
    ]),
    againstServices("Memory of the process that syncs, at its peak", "MiB", undefined, quantities(scale, "memory")),
    html`<h3>Published figures beside ours</h3>
      <ul>
        ${publishedTables.map(({ name, source, setUp }) => html`<li>${name}: ${setUp}. Source: ${source}.</li>`)}
      </ul>`,
  ].filter((part) => part !== undefined);
}

function latencyAgainstServices({ cells }: BenchResult, scale: Scale, { work }: WorkSummary): Html | undefined {
  const points = scale.points.flatMap(({ subject, like, services }) => {
    const cell = cells.find((one) => one.subject === subject && one.work === work);
    const median = cell?.percentiles.find(({ percentile }) => percentile === "50");
    const interval = median?.interval ?? null;
    const inMs = interval === null ? null : ([interval[0] / US_A_MS, interval[1] / US_A_MS] as const);
    const value = median?.value ?? null;
    return pointOf(like, services.value, value === null ? null : value / US_A_MS, inMs);
  });
  const published = work.startsWith("tcp-connect") && !work.startsWith("tcp-connect-") ? "first-packet-ms" : undefined;
  return againstServices(`Median latency in ${work}, with its 95 % interval`, "ms", published, points);
}

function rateAgainstServices({ cells }: BenchResult, scale: Scale, { work, operation }: WorkSummary): Html | undefined {
  const points = scale.points.flatMap(({ subject, like, services }) => {
    const rate = cells.find((one) => one.subject === subject && one.work === work)?.rate;
    return pointOf(like, services.value, rate?.value ?? null, rate?.interval ?? null);
  });
  return againstServices(`Rate in ${work}, with its 95 % interval`, `${operation}s/s`, undefined, points);
}

function quantities({ points }: Scale, field: "rules" | "fullBytes" | "changeBytes" | "memory", of = ""): Point[] {
  return points.flatMap((point: ScalePoint) =>
    pointOf(`${point.like}${of}`, point.services.value, point[field].value, null),
  );
}

/** On log axes there is no place for nothing. */
function pointOf(
  line: string,
  services: number | null,
  value: number | null,
  interval: readonly [number, number] | null,
): Point[] {
  if (services === null || value === null || value <= 0) return [];
  const [low, high] = interval ?? [value, value];
  return [{ line, services, value, low, high }];
}

function againstServices(
  title: string,
  unit: string,
  published: PublishedTable["figure"] | undefined,
  own: readonly Point[],
): Html | undefined {
  if (own.length === 0) return undefined;
  const others = publishedTables
    .filter((table) => table.figure === published)
    .flatMap(({ lines }) => lines)
    .flatMap(({ name, points }) => points.flatMap(({ services, value }) => pointOf(name, services, value, null)));
  const all = [...own, ...others];
  const lines = [...new Set(all.map(({ line }) => line))];
  const series = seriesOf(lines);
  const foreign = new Set(others.map(({ line }) => line));
  const texts = lines.map((name) => {
    const mine = all.filter(({ line }) => line === name);
    return `${name}: ${mine.map(({ services, value }) => `${formatNumber(value)} ${unit} at ${services}`).join(", ")}`;
  });
  const [low, high] = [Math.min(...all.map((point) => point.low)), Math.max(...all.map((point) => point.high))];
  const beside = foreign.size === 0 ? "" : "; dashed: published";
  return figure({
    title: `${title}${beside}`,
    alternative: `${title}, by number of services. ${texts.join("; ")}.`,
    legend: legendOf(series),
    draw: (width) => ({
      height: 300,
      marginLeft: 60,
      marginRight: 24,
      marginTop: 28,
      marginBottom: 44,
      style: { fontSize: "12px" },
      x: {
        type: "log",
        label: "services",
        labelOffset: 38,
        ticks: ticksOf(
          all.map(({ services }) => services),
          width < 400 ? [1] : [1, 3],
        ),
        tickFormat: (services: number) => services.toLocaleString("en-GB"),
        inset: 12,
      },
      y: { type: "log", label: unit, grid: true, ticks: logTicks(low, high), tickFormat: formatTick },
      marks: series.flatMap(({ subject: name, colour, symbol }) => {
        const mine = all.filter(({ line }) => line === name);
        const dash = foreign.has(name) ? { strokeDasharray: "4 3" } : {};
        return [
          Plot.ruleX(mine, { x: "services", y1: "low", y2: "high", stroke: colour, strokeWidth: 1.5 }),
          Plot.line(mine, { x: "services", y: "value", stroke: colour, strokeWidth: 1.5, ...dash }),
          Plot.dot(mine, { x: "services", y: "value", fill: colour, symbol, r: 4 }),
        ];
      }),
    }),
  });
}

/** These digits times the powers of ten that the numbers lie in. */
function ticksOf(numbers: readonly number[], digits: readonly number[]): number[] {
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const powers = Array.from({ length: 6 }, (_, power) => 10 ** power);
  return powers.flatMap((power) => digits.map((digit) => digit * power)).filter((tick) => tick >= low && tick <= high);
}
