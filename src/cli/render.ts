import { ofFamily } from "../modes/of-family.ts";
import type { Program } from "../modes/program.ts";
import { type KernelInput, renderProgram } from "../modes/render.ts";
import { renderProgramJson } from "../modes/render-json.ts";
import { compileFrom, note } from "./cluster-input.ts";
import type { ClusterArguments } from "./cluster-options.ts";
import type { ModeArguments } from "./mode-options.ts";
import { inForm } from "./output.ts";
import type { DocumentForm } from "./output-option.ts";

export interface RenderArguments extends ClusterArguments, ModeArguments {
  readonly family?: "ipv4" | "ipv6" | undefined;
  readonly format?: "restore" | "save" | "json" | undefined;
  /** Not beside a format. */
  readonly o?: DocumentForm | undefined;
}

/**
 * The program as text: of the formats `restore` and `save` every text that it is made of, each under comment lines with
 * its name and the commands, in order, of which the last takes it or would print it.
 *
 * @returns empty, and says so on stderr, where the mode has nothing for the family that was asked for.
 */
export async function render(args: RenderArguments): Promise<string> {
  const { program } = await compileFrom(args);
  const asked = partOf(program, args.family);
  if (asked === undefined) {
    note(`the ${args.mode} mode has no rules for ${args.family === "ipv6" ? "IPv6" : "IPv4"}`);
    return "";
  }
  if (args.format === "json" || args.o !== undefined) return inForm(args.o ?? "json", renderProgramJson(asked));
  const made = new Set<string>();
  return renderProgram(asked, args.format ?? "restore")
    .map((input) => headed(input, made))
    .join("\n");
}

function partOf(program: Program, family: RenderArguments["family"]): Program | undefined {
  return family === undefined ? program : ofFamily(program, family === "ipv4" ? 4 : 6);
}

/** @param made commands that stand before earlier texts: both families use the same counters. */
function headed({ name, setup, command, text }: KernelInput, made: Set<string>): string {
  const lines = setup.map((argv) => argv.join(" ")).filter((line) => !made.has(line));
  for (const line of lines) made.add(line);
  return [name, ...lines, command.join(" ")].map((line) => `# ${line}\n`).join("") + text;
}
