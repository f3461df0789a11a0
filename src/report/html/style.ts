import { COLOURS } from "./series.ts";

/** Okabe and Ito's colours, darker on a light page and lighter on a dark one: each at least 3 : 1 against it. */
const light = ["#0063a3", "#b34700", "#007a5a", "#9c2f6f", "#6b5b00", "#4a4a8a", "#a3273b"];
const dark = ["#6cc0ff", "#ff9d5c", "#4fd6ab", "#f08fc4", "#e6d04f", "#b3b3ff", "#ff8a98"];

const seriesOf = (colours: readonly string[]): string =>
  colours
    .slice(0, COLOURS)
    .map((colour, at) => `--series-${at}: ${colour};`)
    .join(" ");

const darkRules = `color-scheme: dark; --page: #14171a; --ink: #e8eaed; --muted: #a9b1ba; --line: #3a4149; --accent: #6cc0ff; --bar: #2b4a63; ${seriesOf(dark)}`;

/** One style sheet for wide and narrow, light and dark, screen and paper. */
export const style = `
:root { color-scheme: light; --page: #ffffff; --ink: #1c2127; --muted: #56606b; --line: #d5dae0; --accent: #0063a3; --bar: #bcd7ea; ${seriesOf(light)} }
@media screen and (prefers-color-scheme: dark) { :root { ${darkRules} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main, footer { max-width: 960px; margin: 0 auto; padding: 0 16px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.2rem 0 0.4rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.4rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
.lead { color: var(--muted); margin: 0 0 0.6rem; }
.sure { border-left: 4px solid var(--accent); padding-left: 12px; margin: 0.8rem 0; }
.failed { border-left: 4px solid var(--series-6); padding-left: 12px; font-weight: bold; }
figure { margin: 1rem 0 1.6rem; break-inside: avoid; }
figcaption { font-weight: 600; margin-bottom: 0.3rem; }
svg { display: block; max-width: 100%; height: auto; background: var(--page); color: var(--ink); }
.narrow { display: none; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0.3rem 0; padding: 0; }
.scroll { overflow-x: auto; width: max-content; max-width: min(100%, calc(100vw - 32px)); margin: 0.8rem 0 1.4rem; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; font-size: 0.8125rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.3rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: min(928px, calc(100vw - 32px)); }
th, td { padding: 3px 12px 3px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th[scope="row"], thead th:first-child { text-align: left; font-weight: 600; position: sticky; left: 0; background: var(--page); }
.words { width: min(928px, calc(100vw - 32px)); overflow-wrap: anywhere; }
.words th:first-child { width: 48%; }
.words td, .words th { text-align: left; white-space: normal; }
.answers { margin: 0.6rem 0; padding-left: 1.2rem; }
.answers li { margin: 0.25rem 0; }
pre { overflow-x: auto; padding: 10px 12px; border: 1px solid var(--line); white-space: pre-wrap; }
footer { color: var(--muted); padding-bottom: 2rem; }
@media (max-width: 720px) {
  .wide { display: none; } .narrow { display: block; } h1 { font-size: 1.2rem; margin-top: 0.8rem; }
  .lead { font-size: 0.8rem; line-height: 1.4; } .sure { font-size: 0.9rem; margin: 0.5rem 0; }
}
/* Tables go on beyond the column of text. */
@media screen and (min-width: 1000px) { .scroll { max-width: calc(50vw + 448px); } }
@media print {
  body { font-size: 11pt; } .scroll { overflow: visible; width: auto; max-width: none; } th, td { white-space: normal; padding-right: 6px; }
  table { font-size: 7.5pt; } h2 { break-after: avoid; } tr { break-inside: avoid; }
}
`;
