import { agrees, type ArtifactDifference, type StageResult } from "./stage-result.ts";

/** Lines that are shown of what is missing, and of what is too much. */
const SHOWN = 6;

/** One stage as text: a line, and below it each difference by its block. */
export function renderStageResult(result: StageResult): string {
  const { recording, mode, way, stage, compared, differences, problem } = result;
  const state = agrees(result) ? "agrees" : "differs";
  const head = `${state.padEnd(8)} ${recording} ${stage}, mode ${mode}, --${way}: ${compared} records\n`;
  const problemLine = problem === undefined ? "" : `  ${problem}\n`;
  return head + problemLine + differences.map(differenceText).join("");
}

function differenceText({ artifact, block, missing, unexpected, reordered }: ArtifactDifference): string {
  const head = `  ${artifact} ${block}${reordered ? ": in another order" : ""}\n`;
  return head + lines("-", missing) + lines("+", unexpected);
}

function lines(sign: string, all: readonly string[]): string {
  const more = all.length > SHOWN ? `    ${sign} … ${all.length - SHOWN} more\n` : "";
  const shown = all.slice(0, SHOWN).map((line) => `    ${sign} ${line.trim()}\n`);
  return shown.join("") + more;
}
