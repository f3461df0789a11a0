import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escapeHtml, html, type Html } from "./html.ts";

export interface Figure {
  readonly title: string;
  /** What the picture shows, in words, for whoever does not see it. */
  readonly alternative: string;
  readonly legend?: Html;
  /** @param width in pixels: a picture is drawn anew for a narrow screen, since letters do not shrink with it. */
  draw(width: number): Plot.PlotOptions;
}

const NARROW = 320;
const WIDE = 860;

/** A picture for a wide and one for a narrow screen, as SVG drawn here; the style sheet shows one of them. */
export function figure({ title, alternative, legend, draw }: Figure): Html {
  const svg = (width: number): Html => ({ html: drawSvg({ ...draw(width), width }, alternative) });
  return html`<figure>
    <figcaption>${title}</figcaption>
    ${legend}
    <div class="wide">${svg(WIDE)}</div>
    <div class="narrow">${svg(NARROW)}</div>
  </figure>`;
}

function drawSvg(options: Plot.PlotOptions, alternative: string): string {
  const { document } = parseHTML("<html></html>");
  const element = Plot.plot({ ...options, document }) as unknown as { readonly outerHTML: string };
  // The whole picture is one image with one text; what is in it is not read out.
  const parts = element.outerHTML.replaceAll(/<g([^>]*?) aria-label="[^"]*"/g, "<g$1");
  return parts.replace("<svg ", `<svg role="img" aria-label="${escapeHtml(alternative)}" `);
}
