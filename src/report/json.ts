import type { BenchResult } from "../measure/result.ts";

/** The document as JSON text, with a line end. Every number stands in an object beside its unit. */
export function renderJson(result: BenchResult): string {
  return `${JSON.stringify(result, undefined, 2)}\n`;
}
