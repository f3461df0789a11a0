import type { WouldRun } from "../dataplane/kernel/dry-commands.ts";

/** What would be run, each command with its input below it, for people. */
export function changesText(changes: readonly WouldRun[]): string {
  if (changes.length === 0) return "# nothing would change\n";
  return changes.map(({ argv, input }) => `# ${argv.join(" ")}\n${input === "" ? "" : closed(input)}`).join("\n");
}

/** The same, one command a line. */
export function changesJson(changes: readonly WouldRun[]): string {
  return changes.map(({ argv, input }) => `${JSON.stringify({ event: "would-run", command: argv, input })}\n`).join("");
}

function closed(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
