import { html, type Html } from "./html.ts";

/** Marks that are told apart without colour, too. */
const symbols = ["circle", "square", "triangle", "diamond", "star", "cross", "wye"] as const;
const glyphs: Readonly<Record<(typeof symbols)[number], string>> = {
  circle: "●",
  square: "■",
  triangle: "▲",
  diamond: "◆",
  star: "★",
  cross: "✚",
  wye: "▼",
};

/** How a subject looks in every picture. */
export interface Series {
  readonly subject: string;
  /** Set by the style sheet, for light and dark. */
  readonly colour: string;
  readonly symbol: (typeof symbols)[number];
}

/** After as many subjects the looks come again. */
export const COLOURS = 7;

export function seriesOf(subjects: readonly string[]): Series[] {
  return subjects.map((subject, at) => ({
    subject,
    colour: `var(--series-${at % COLOURS})`,
    symbol: symbols[at % symbols.length]!,
  }));
}

export function legendOf(series: readonly Series[]): Html {
  return html`<ul class="legend">
    ${series.map(
      ({ subject, colour, symbol }) =>
        html`<li><span aria-hidden="true" style="color: ${colour}">${glyphs[symbol]}</span> ${subject}</li>`,
    )}
  </ul>`;
}
