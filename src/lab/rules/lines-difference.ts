import type { ArtifactDifference } from "./stage-result.ts";

/** The difference of two lists of lines, as a list of none or one. */
export function linesDifference(
  artifact: ArtifactDifference["artifact"],
  block: string,
  recorded: readonly string[],
  now: readonly string[],
): readonly ArtifactDifference[] {
  if (recorded.join("\n") === now.join("\n")) return [];
  const missing = recorded.filter((line) => !now.includes(line));
  const unexpected = now.filter((line) => !recorded.includes(line));
  return [{ artifact, block, missing, unexpected, reordered: missing.length + unexpected.length === 0 }];
}
