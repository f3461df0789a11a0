import type { WouldRun } from "../dataplane/kernel/dry-commands.ts";
import { inForm } from "./output.ts";
import type { OutputForm } from "./output-option.ts";

export function changesIn(form: OutputForm, changes: readonly WouldRun[]): string {
  if (form === "table") return changesText(changes);
  return changes.map((change) => inForm(form, changeJson(change))).join("");
}

/** What would be run, each command with its input below it, for people. */
function changesText(changes: readonly WouldRun[]): string {
  if (changes.length === 0) return "# nothing would change\n";
  return changes.map(({ argv, input }) => `# ${argv.join(" ")}\n${input === "" ? "" : closed(input)}`).join("\n");
}

/** The same of one command, as a line. */
function changeJson({ argv, input }: WouldRun): string {
  return `${JSON.stringify({ event: "would-run", command: argv, input })}\n`;
}

function closed(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
