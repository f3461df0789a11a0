import * as Plot from "@observablehq/plot";
import type { BenchResult, MeasuredService } from "../../measure/result.ts";
import { formatShare } from "../format.ts";
import { busiestWork } from "../distribution.ts";
import { figure } from "./figure.ts";
import type { Html } from "./html.ts";
import { nameMargin } from "./name-margin.ts";

/** Half the width of what chance alone gives, in standard deviations of a share. */
const Z95 = 1.96;

/**
 * Who took the connections or flows of a service, subject by subject, beside the band in which 95 of 100 shares lie when
 * every flow goes to an endpoint at random. Nothing where no work used the service.
 */
export function shareFigure(result: BenchResult, service: MeasuredService): Html | undefined {
  const work = busiestWork(result, service);
  const rows = result.cells.filter((cell) => cell.work === work && cell.distribution.shares.values !== null);
  if (work === undefined || rows.length === 0) return undefined;
  const even = 1 / service.endpoints.length;
  const bands = rows.map(({ subject, distribution }) => {
    const flows = distribution.counts.values.reduce((sum, count) => sum + count, 0);
    const half = Z95 * Math.sqrt((even * (1 - even)) / flows);
    return { subject, low: percent(Math.max(even - half, 0)), high: percent(even + half) };
  });
  const shares = rows.flatMap(({ subject, distribution }) =>
    distribution.shares.values!.map((share) => ({ subject, share: percent(share) })),
  );
  const { of } = rows[0]!.distribution;
  const texts = rows.map(
    ({
      subject,
      distribution: {
        shares: { values },
      },
    }) => {
      return `${subject} from ${formatShare(Math.min(...values!))} to ${formatShare(Math.max(...values!))}`;
    },
  );
  return figure({
    title: `Shares of ${of} over the endpoints of ${service.servicePort}; the band is what chance alone gives`,
    alternative: `An even share is ${formatShare(even)}. ${texts.join("; ")}.`,
    draw: (width) => ({
      height: rows.length * 26 + 72,
      marginLeft: nameMargin(rows.map(({ subject }) => subject)),
      marginRight: 20,
      marginBottom: 44,
      style: { fontSize: "12px" },
      x: {
        labelOffset: 38,
        label: "% of all",
        grid: true,
        zero: true,
        insetLeft: 6,
        ...(width < 400 ? { ticks: 4 } : {}),
      },
      y: { label: null, domain: rows.map(({ subject }) => subject) },
      marks: [
        Plot.barX(bands, { y: "subject", x1: "low", x2: "high", fill: "var(--bar)" }),
        Plot.ruleX([percent(even)], { stroke: "var(--muted)", strokeDasharray: "4 3" }),
        Plot.dot(shares, { y: "subject", x: "share", stroke: "var(--accent)", r: 4, strokeWidth: 1.5 }),
      ],
    }),
  });
}

function percent(share: number): number {
  return share * 100;
}
