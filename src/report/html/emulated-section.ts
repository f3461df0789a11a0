import * as Plot from "@observablehq/plot";
import type { EmulatedCell, EmulatedResult, Estimate } from "../../measure/result.ts";
import { emulatedRows, emulatedTitles, formatSteps } from "../emulated.ts";
import { formatNumber, formatReach, formatShare, NONE } from "../format.ts";
import { figure } from "./figure.ts";
import { html, type Html } from "./html.ts";
import { nameMargin } from "./name-margin.ts";
import { table } from "./tables.ts";

/** What subjects without traffic decide: apart from rates and latencies, which they have none of. */
export function emulatedSection(emulated: EmulatedResult): Html {
  const services = [...new Set(emulated.cells.map(({ servicePort }) => servicePort))];
  return html`<h2>Decisions in the emulator, without traffic</h2>
    ${services.map((service) => {
      const cells = emulated.cells.filter(({ servicePort }) => servicePort === service);
      return [rulesFigure(service, cells), decisionFigure(service, cells), endpointsFigure(service, cells)];
    })}
    <ul>
      ${emulated.method.map((text) => html`<li>${text}</li>`)}
    </ul>
    ${table("decisions in the emulator", emulatedTitles, emulatedRows(emulated))}`;
}

function rulesFigure(service: string, cells: readonly EmulatedCell[]): Html | undefined {
  return barsFigure(cells, {
    title: `Rules that a first packet to ${service} passes, with 95 % intervals`,
    label: "rules and entries",
    of: ({ rules }) => rules,
    text: formatSteps,
  });
}

function decisionFigure(service: string, cells: readonly EmulatedCell[]): Html | undefined {
  return barsFigure(cells, {
    title: `What a decision on a flow to ${service} takes in the emulator, with its 95 % interval`,
    label: "ns a decision",
    of: ({ decision }) => decision,
    text: (decision) =>
      decision.value === null ? NONE : `${formatNumber(decision.value)} ns ${formatReach(decision)}`,
  });
}

interface Bars {
  readonly title: string;
  readonly label: string;
  of(cell: EmulatedCell): Estimate;
  text(figure: Estimate): string;
}

const ROW = 24;

function barsFigure(cells: readonly EmulatedCell[], { title, label, of, text }: Bars): Html | undefined {
  const rows = cells.flatMap((cell) => {
    const { value, interval } = of(cell);
    if (value === null) return [];
    const [low, high] = interval ?? [value, value];
    return [{ subject: cell.subject, value, low, high }];
  });
  if (rows.length === 0) return undefined;
  return figure({
    title,
    alternative: `${title}. ${cells.map((cell) => `${cell.subject} ${text(of(cell))}`).join("; ")}.`,
    draw: (width) => ({
      ...common(
        rows.map(({ subject }) => subject),
        label,
        width,
      ),
      marks: [
        Plot.barX(rows, { y: "subject", x: "value", fill: "var(--bar)", insetTop: 3, insetBottom: 3 }),
        Plot.ruleY(rows, { y: "subject", x1: "low", x2: "high", stroke: "var(--accent)", strokeWidth: 3 }),
      ],
    }),
  });
}

/** Half the width of what chance alone gives, in standard deviations of a share. */
const Z95 = 1.96;

function endpointsFigure(service: string, cells: readonly EmulatedCell[]): Html | undefined {
  const rows = cells.flatMap(({ subject, shares, flows }) =>
    shares.values === null ? [] : [{ subject, shares: shares.values, flows: flows.value! }],
  );
  if (rows.length === 0) return undefined;
  const even = 1 / rows[0]!.shares.length;
  const bands = rows.map(({ subject, flows }) => {
    const half = Z95 * Math.sqrt((even * (1 - even)) / flows);
    return { subject, low: percent(Math.max(even - half, 0)), high: percent(Math.min(even + half, 1)) };
  });
  const dots = rows.flatMap(({ subject, shares }) => shares.map((share) => ({ subject, share: percent(share) })));
  const texts = rows.map(({ subject, shares }) => {
    return `${subject} from ${formatShare(Math.min(...shares))} to ${formatShare(Math.max(...shares))}`;
  });
  return figure({
    title: `Shares of decided flows over the endpoints of ${service}; the band is what chance alone gives`,
    alternative: `An even share is ${formatShare(even)}. ${texts.join("; ")}.`,
    draw: (width) => ({
      ...common(
        rows.map(({ subject }) => subject),
        "% of all",
        width,
      ),
      marks: [
        Plot.barX(bands, { y: "subject", x1: "low", x2: "high", fill: "var(--bar)" }),
        Plot.ruleX([percent(even)], { stroke: "var(--muted)", strokeDasharray: "4 3" }),
        Plot.dot(dots, { y: "subject", x: "share", stroke: "var(--accent)", r: 4, strokeWidth: 1.5 }),
      ],
    }),
  });
}

function common(subjects: readonly string[], label: string, width: number): Plot.PlotOptions {
  return {
    height: subjects.length * ROW + 72,
    marginLeft: nameMargin(subjects),
    marginRight: 20,
    marginBottom: 44,
    style: { fontSize: "12px" },
    x: { label, labelOffset: 38, grid: true, zero: true, ...(width < 400 ? { ticks: 4 } : {}) },
    y: { label: null, domain: subjects },
  };
}

function percent(share: number): number {
  return share * 100;
}
