import { countOf } from "../../core/count.ts";
import type { BenchResult } from "../../measure/result.ts";
import { growthTexts } from "../growth-texts.ts";
import { headLines } from "../head.ts";
import { noteTexts } from "../notes.ts";
import { answerTexts, sureText } from "./answer.ts";
import { emulatedSection } from "./emulated-section.ts";
import { costFigure } from "./cost-figure.ts";
import { faultsSection } from "./faults-section.ts";
import { html, type Html } from "./html.ts";
import { latencyFigure } from "./latency-figure.ts";
import { rateFigure } from "./rate-figure.ts";
import { ratioFigure } from "./ratio-figure.ts";
import { scaleFigures } from "./scale-figures.ts";
import { type Series, seriesOf } from "./series.ts";
import { sharingSection } from "./sharing-section.ts";
import { shareFigure } from "./share-figure.ts";
import { style } from "./style.ts";
import { countsTable, environmentTable, scaleTable, workTable } from "./tables.ts";

/**
 * Results as one HTML file: no script, no request, readable on a phone, on paper and by ear. Pictures are drawn here, as
 * SVG; every number in them stands in a table, too.
 *
 * @param results one or more, each a chapter of its own.
 */
export function renderHtml(results: readonly BenchResult[]): string {
  const title = results.length === 1 ? titleOf(results[0]!) : `${results.length} benchmarks`;
  const page = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta
        http-equiv="Content-Security-Policy"
        content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
      />
      <link rel="icon" href="data:," />
      <title>${title}</title>
      <style>
        ${{ html: style }}
      </style>
    </head>
    <body>
      ${results.length === 1 ? undefined : html`<header><h1>${title}</h1></header>`}
      <main>${results.map((result) => chapter(result, results.length === 1))}</main>
      <footer><p>Made by sluice ${results[0]?.environment.sluiceVersion}.</p></footer>
    </body>
  </html>`;
  return `<!doctype html>\n${page.html}\n`;
}

function titleOf({ subjects, control, emulated }: BenchResult): string {
  const compared = [...subjects, ...(emulated?.subjects ?? [])]
    .map(({ subject }) => subject)
    .filter((one) => one !== control.reference && one !== control.again);
  return compared.length === 0 ? `${control.reference} twice` : `${compared.join(", ")}, next to ${control.reference}`;
}

function chapter(result: BenchResult, isWhole: boolean): Html {
  const { subjects, cells, control, failures, environment, emulated } = result;
  const series = seriesOf(subjects.map(({ subject }) => subject));
  const [, ...what] = headLines(result);
  const bottlenecks = cells.filter(
    ({ subject, bottleneck }) => bottleneck !== null && subject !== control.reference && subject !== control.again,
  ).length;
  return html`<article>
    ${isWhole ? html`<h1>${titleOf(result)}</h1>` : html`<h2>${titleOf(result)}</h2>`}
    <p class="lead">${what.join("; ")}.</p>
    ${failures.length === 0 ? undefined : html`<p class="failed">${countOf(failures.length, "failure")}: see the notes.</p>`}
    <p class="sure"><strong>How sure:</strong> ${sureText({ ...result, bottlenecks })}</p>
    ${ratioFigure(result)} ${answers(result)} ${scaleFigures(result)}
    ${result.emulated === undefined ? undefined : emulatedSection(result.emulated)}
    ${result.faults === undefined ? undefined : faultsSection(result, result.faults)}
    ${result.sharing === undefined ? undefined : sharingSection(result.sharing)}
    ${result.works.length === 0 ? undefined : worksSection(result, series)}
    <h2>Notes</h2>
    <ul>
      ${noteTexts(result).map((text) => html`<li>${text}</li>`)}
      ${[...subjects, ...(emulated?.subjects ?? [])].map(({ subject, what: text }) => html`<li>${subject}: ${text}.</li>`)}
    </ul>
    <h2>Environment</h2>
    ${environmentTable(result)}
    <h2>How to reproduce</h2>
    <p>The same order, random picks and intervals come from the seed; figures differ from host to host.</p>
    <pre><code>${reproduce(environment.commandLine, result)}</code></pre>
  </article>`;
}

/** What came out, and what could not be measured; nothing where there is nothing to say. */
function answers(result: BenchResult): Html | undefined {
  const { unmeasured, scale } = result;
  const lines = [
    ...answerTexts(result).map((text) => html`<li>${text}</li>`),
    ...(scale === undefined ? [] : growthTexts(scale)).map((text) => html`<li>${text}</li>`),
    ...unmeasured.map(({ subject, reason }) => {
      return html`<li><strong>Not measured:</strong> ${subject}, since ${reason.replace(/\.$/, "")}.</li>`;
    }),
  ];
  return lines.length === 0
    ? undefined
    : html`<ul class="answers">
        ${lines}
      </ul>`;
}

function worksSection(result: BenchResult, series: readonly Series[]): Html {
  const { works, services } = result;
  return html`<h2>Latency</h2>
    ${works.map((work) => latencyFigure(result, work, series))}
    <h2>Rate, and what it costs</h2>
    ${works.map((work) => [rateFigure(result, work), costFigure(result, work, series)])}
    <h2>Distribution over endpoints</h2>
    ${services.map((service) => shareFigure(result, service))}
    <h2>All numbers</h2>
    ${scaleTable(result)} ${works.flatMap((work) => [workTable(result, work), countsTable(result, work)])}`;
}

/** The command as it was entered, with the seed that it drew. */
function reproduce(commandLine: readonly string[], { method }: BenchResult): string {
  const words = commandLine
    .slice(1)
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  const seeded = commandLine.some((word) => word.startsWith("--seed"));
  return ["sluice", ...words, ...(seeded ? [] : ["--seed", method.seed])].join(" ");
}
