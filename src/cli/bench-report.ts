import { join } from "node:path";
import { hgrmFiles } from "../report/hgrm.ts";
import { renderHtml } from "../report/html/document.ts";
import { renderTerminal } from "../report/terminal.ts";
import { readResult } from "./bench-result-input.ts";
import { ExitCode } from "./exit-code.ts";
import { openResultFile } from "./result-file.ts";

export interface ReportArguments {
  readonly results: readonly string[];
  readonly html?: string | undefined;
  readonly hgrm?: string | undefined;
}

/** Shows results that were measured before: as an HTML file, as .hgrm files, else as text. */
export async function report({ results: files, html, hgrm }: ReportArguments): Promise<number> {
  const results = await Promise.all(files.map(readResult));
  if (html !== undefined) await writeWhole(html, renderHtml(results));
  if (hgrm !== undefined) {
    for (const [at, result] of results.entries()) {
      const folder = results.length === 1 ? hgrm : join(hgrm, String(at + 1));
      for (const { file, text } of hgrmFiles(result)) await writeWhole(join(folder, file), text);
    }
  }
  if (html === undefined && hgrm === undefined) {
    process.stdout.write(results.map((result, at) => renderTerminal(result, files[at])).join("\n"));
  }
  return ExitCode.done;
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await openResultFile(path);
  await file.write(text);
  process.stderr.write(`sluice: wrote ${path}\n`);
}
