import * as Plot from "@observablehq/plot";
import type { BenchResult, Estimate, FaultCell, FaultsResult } from "../../measure/result.ts";
import { faultTexts, faultTitles, formatMean, formatMeanReach } from "../faults.ts";
import { figure } from "./figure.ts";
import { html, type Html } from "./html.ts";
import { nameMargin } from "./name-margin.ts";
import { table } from "./tables.ts";

/** What events cost, subject by subject: two pictures, and every figure in tables. */
export function faultsSection({ control }: BenchResult, faults: FaultsResult): Html {
  return html`<h2>When endpoints fail</h2>
    ${(["fresh", "kept"] as const).map((connections) => failedFigure(faults, connections))}
    ${(["fresh", "kept"] as const).map((connections) => convergeFigure(faults, connections))}
    <ul>
      ${faults.method.map((text) => html`<li>${text}</li>`)}
      ${faults.events.map(({ event, what }) => html`<li><strong>${event}</strong>: ${what}.</li>`)}
      <li>${control.reference} has no proxy: what it loses, no proxy can save.</li>
    </ul>
    <h2>All numbers</h2>
    ${faults.events.map(({ event, what }) =>
      table(`${event}: ${what}`, faultTitles, faults.cells.filter((cell) => cell.event === event).map(faultTexts)),
    )}`;
}

function failedFigure(faults: FaultsResult, connections: FaultCell["connections"]): Html | undefined {
  const title = `Requests that failed in a trial, ${connections} connections, with 95 % intervals`;
  return eventsFigure(faults, { connections, title, label: "requests", of: ({ failed }) => failed });
}

function convergeFigure(faults: FaultsResult, connections: FaultCell["connections"]): Html | undefined {
  const title = `Until the last failure, ${connections} connections, with 95 % intervals`;
  return eventsFigure(faults, {
    connections,
    title,
    label: "ms after the event",
    of: ({ lastFailure }) => lastFailure,
  });
}

interface EventsFigure {
  readonly connections: FaultCell["connections"];
  readonly title: string;
  readonly label: string;
  of(cell: FaultCell): Estimate;
}

const ROW = 20;

/** A small picture an event, one below the other, on one axis. */
function eventsFigure(
  { cells, events }: FaultsResult,
  { connections, title, label, of }: EventsFigure,
): Html | undefined {
  const own = cells.filter((cell) => cell.connections === connections && of(cell).value !== null);
  if (own.length === 0) return undefined;
  const rows = own.map((cell) => {
    const { value, interval } = of(cell);
    const [low, high] = interval ?? [value!, value!];
    return { subject: cell.subject, event: cell.event, value: value!, low, high };
  });
  const subjects = [...new Set(rows.map(({ subject }) => subject))];
  const texts = own.map(
    (cell) => `${cell.subject}, ${cell.event}: ${formatMean(of(cell))} ${formatMeanReach(of(cell))}`,
  );
  return figure({
    title,
    alternative: `${label}. ${texts.join("; ")}.`,
    draw: (width) => ({
      height: events.length * (subjects.length * ROW + 40) + 60,
      marginLeft: nameMargin(subjects),
      marginRight: 16,
      marginTop: 30,
      marginBottom: 44,
      style: { fontSize: "11px" },
      fy: { label: null, domain: events.map(({ event }) => event), axis: null, padding: 0.15 },
      // Of nothing but zeros an axis would begin and end there, and bars fill all of it.
      x: {
        label,
        labelOffset: 38,
        grid: true,
        domain: [0, Math.max(1, ...rows.map(({ high }) => high))],
        ...(width < 400 ? { ticks: 4 } : {}),
      },
      y: { label: null, domain: subjects },
      marks: [
        Plot.frame({ stroke: "var(--line)" }),
        Plot.text(events, { fy: "event", text: "event", frameAnchor: "top-left", dy: -12 }),
        Plot.barX(rows, { fy: "event", y: "subject", x: "value", fill: "var(--bar)", insetTop: 3, insetBottom: 3 }),
        Plot.ruleY(rows, { fy: "event", y: "subject", x1: "low", x2: "high", stroke: "var(--accent)", strokeWidth: 3 }),
      ],
    }),
  });
}
