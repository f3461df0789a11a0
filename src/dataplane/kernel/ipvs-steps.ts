import { type Command, type RestoreCommands, renderSteps } from "../../modes/ipvs/render-steps.ts";
import type { Step } from "../../modes/ipvs/steps.ts";
import { type Commands, kernelFailed } from "./commands.ts";
import type { IpvsTools } from "./ipvs-host.ts";
import { refusedLine } from "./refused-line.ts";

/** Seconds that iptables waits for its lock. */
const LOCK_SECONDS = "5";

/**
 * Does steps in order, up to the first command that fails. What was done before stays; steps that are planned anew go on
 * from there.
 *
 * @throws {SluiceError} DATAPLANE_FAILED with what the command said, and the line where it names one.
 */
export async function doSteps(commands: Commands, tools: IpvsTools, steps: readonly Step[]): Promise<void> {
  for (const command of renderSteps(steps, restoreWith(tools))) await runCommand(commands, command);
}

function restoreWith(tools: IpvsTools): RestoreCommands {
  const restore = (family: 4 | 6): readonly [string, ...string[]] => {
    const { restore: command } = tools.get(family) ?? { restore: "iptables-restore" };
    return [command, "-w", LOCK_SECONDS];
  };
  return { 4: restore(4), 6: restore(6) };
}

async function runCommand(commands: Commands, { argv, input, unless, harmless }: Command): Promise<void> {
  if (unless !== undefined && (await commands.run(argv, unless)).exitCode === 0) return;
  const { exitCode, stderr } = await commands.run(argv, input);
  const said = stderr.split("\n").filter((line) => line.trim() !== "");
  const bad = said.filter((line) => !harmless.some((text) => line.includes(text)) && !isWarning(line));
  // A line that is harmless may be all there is of a failure; a failure may say nothing.
  if (bad.length === 0 && (exitCode === 0 || said.length > 0)) return;
  const line = refusedLine(stderr, input);
  const where = line === undefined ? "" : ` refused line ${line.number}, ${JSON.stringify(line.text)}`;
  throw kernelFailed(`${argv.join(" ")}${where}: ${bad.join("; ") || `exit code ${exitCode}`}`);
}

/** iptables tells of tables of its other variant, in comments. */
function isWarning(line: string): boolean {
  return line.startsWith("#");
}
