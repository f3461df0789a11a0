import * as Plot from "@observablehq/plot";
import type { Estimate, SharingResult } from "../../measure/result.ts";
import { formatShare } from "../format.ts";
import { changeRows, changeTitles, formatShareRange, slowRows, slowTitles } from "../sharing.ts";
import { figure } from "./figure.ts";
import { html, type Html } from "./html.ts";
import { nameMargin } from "./name-margin.ts";
import { table } from "./tables.ts";

/** How connections are shared out where endpoints are not alike, or change: beside what chance alone gives. */
export function sharingSection(sharing: SharingResult): Html {
  const { method, slow, changes } = sharing;
  const movedBy = (wanted: "added" | "removed") =>
    changes
      .filter(({ change }) => change === wanted)
      .map(({ subject, moved, chance, least }) => ({ subject, share: moved, chance, mark: least.value! }));
  return html`<h2>Endpoints that differ, come and go</h2>
    ${beside(
      "Share of the connections that the slow endpoint got; the band is what chance alone gives",
      slow.map(({ subject, slowShare, chance }) => ({ subject, share: slowShare, chance, mark: chance.value! })),
    )}
    ${beside("Clients that move when an endpoint is added; dashed: the least possible", movedBy("added"))}
    ${beside("Clients that move when it is removed; dashed: the least possible", movedBy("removed"))}
    <ul>
      ${method.map((text) => html`<li>${text}</li>`)}
    </ul>
    ${table("One endpoint is slower than the others", slowTitles, slowRows(sharing))}
    ${table("An endpoint is added and removed: clients that move", changeTitles, changeRows(sharing))}`;
}

interface Beside {
  readonly subject: string;
  readonly share: Estimate;
  readonly chance: Estimate;
  /** A line to compare with. */
  readonly mark: number;
}

/** A share a subject with its interval, beside the band of chance. */
function beside(title: string, rows: readonly Beside[]): Html | undefined {
  const known = rows.filter(({ share }) => share.value !== null);
  if (known.length === 0) return undefined;
  const drawn = known.map(({ subject, share, chance }) => {
    const [low, high] = share.interval ?? [share.value!, share.value!];
    const [bandLow, bandHigh] = chance.interval ?? [chance.value!, chance.value!];
    const ends = { low: low * 100, high: high * 100, bandLow: bandLow * 100, bandHigh: bandHigh * 100 };
    return { subject, share: share.value! * 100, ...ends };
  });
  const { chance, mark } = known[0]!;
  const texts = known.map(({ subject, share }) => `${subject} ${formatShare(share.value)} ${formatShareRange(share)}`);
  return figure({
    title,
    alternative: `Chance alone gives ${formatShareRange(chance)}. ${texts.join("; ")}.`,
    draw: (width) => ({
      height: drawn.length * 24 + 72,
      marginLeft: nameMargin(drawn.map(({ subject }) => subject)),
      marginRight: 20,
      marginBottom: 44,
      style: { fontSize: "12px" },
      x: { labelOffset: 38, label: "% of all", grid: true, zero: true, ...(width < 400 ? { ticks: 4 } : {}) },
      y: { label: null, domain: drawn.map(({ subject }) => subject) },
      marks: [
        Plot.barX(drawn, { y: "subject", x1: "bandLow", x2: "bandHigh", fill: "var(--bar)" }),
        Plot.ruleX([mark * 100], { stroke: "var(--muted)", strokeDasharray: "4 3" }),
        Plot.ruleY(drawn, { y: "subject", x1: "low", x2: "high", stroke: "var(--accent)", strokeWidth: 3 }),
        Plot.dot(drawn, { y: "subject", x: "share", fill: "var(--accent)", r: 4 }),
      ],
    }),
  });
}
