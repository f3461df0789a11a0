import { renderProgram } from "../modes/render.ts";
import { type ClusterArguments, compileFrom } from "./cluster-options.ts";
import type { ModeArguments } from "./mode-options.ts";

export interface RenderArguments extends ClusterArguments, ModeArguments {
  readonly family?: "ipv4" | "ipv6" | undefined;
}

/** The text of every input that the program is made of, each headed by the command that takes it. */
export async function render(args: RenderArguments): Promise<string> {
  const { program, model } = await compileFrom(args);
  const hostIp = model.node.ip4;
  const inputs = renderProgram(program, { hostIp }).filter(
    ({ name }) => args.family === undefined || name.toLowerCase().includes(args.family) || program.mode === "userspace",
  );
  return inputs.map(({ command, text }) => `# ${command.join(" ")}\n${text}`).join("\n");
}
