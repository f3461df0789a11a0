import type { BenchResult } from "../measure/result.ts";
import { distributionLines } from "./distribution.ts";
import { emulatedSections } from "./emulated.ts";
import { faultSections } from "./faults.ts";
import { headLines } from "./head.ts";
import { noteLines } from "./notes.ts";
import { scaleLines } from "./scale-lines.ts";
import { sharingSections } from "./sharing.ts";
import { workLines } from "./work-section.ts";

/**
 * A result as text for a terminal: what was measured, one table a work, who took the connections, and what one has to
 * know to read it. No colours, no cursor movements; the same text when piped.
 *
 * @param jsonFile where the whole document lies; undefined: nowhere.
 */
export function renderTerminal(result: BenchResult, jsonFile?: string): string {
  const sections = [
    headLines(result),
    ...result.works.map((work) => workLines(result, work)),
    scaleLines(result),
    ...emulatedSections(result),
    ...result.services.map((service) => distributionLines(result, service)),
    ...faultSections(result),
    ...sharingSections(result),
    noteLines(result, jsonFile),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}
