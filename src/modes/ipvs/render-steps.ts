import { assertNever } from "../../core/errors.ts";
import { renderIptables } from "../iptables/render.ts";
import type { IptablesRuleset } from "../iptables/ruleset.ts";
import type { Family } from "../../net/ip.ts";
import { word } from "../quote.ts";
import { realServerWords, serviceWords, settingsWords } from "./render.ts";
import { addressLine, deviceCommand, timeoutsCommand } from "./render-node.ts";
import { addLines, createLine } from "./render-sets.ts";
import type { Step } from "./steps.ts";
import type { IpSet } from "./ip-set.ts";

/** A command of the host that does one step, or several that lie together. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** For its standard input. */
  readonly input: string;
  /** It is not to be run where the same command with this input succeeds. */
  readonly unless?: string;
  /**
   * What the command may say on standard error although all is well: a step was done before. Other lines mean that it
   * failed, whatever its exit code: ipvsadm goes on after a failure, and exits with 0 if the last line was well.
   */
  readonly harmless: readonly string[];
}

/** How rules are loaded, for each family, up to the options that say that others' rules stay. */
export type RestoreCommands = Readonly<Record<Family, readonly [string, ...string[]]>>;

const byName: RestoreCommands = { 4: ["iptables-restore"], 6: ["ip6tables-restore"] };

/**
 * Steps as commands, in the same order. Each may be run again.
 *
 * @param restore undefined: the host's own choice of iptables.
 * @throws {SluiceError} RULE_TEXT_INVALID for a name that could be read as more than itself.
 */
export function renderSteps(steps: readonly Step[], restore: RestoreCommands = byName): readonly Command[] {
  const commands: Command[] = [];
  for (const command of steps.map((step) => commandOf(step, restore))) {
    const last = commands.at(-1);
    if (last === undefined || !joins(last, command)) commands.push(command);
    else commands[commands.length - 1] = { ...last, input: last.input + command.input };
  }
  return commands;
}

const ipvs: Omit<Command, "input"> = {
  argv: ["ipvsadm", "-R"],
  harmless: ["Service already exists", "Destination already exists", "No such service", "No such destination"],
};
const sysctls: Omit<Command, "input"> = { argv: ["sysctl", "-q", "-p", "-"], harmless: [] };
const sets: Omit<Command, "input"> = { argv: ["ipset", "restore", "-exist"], harmless: [] };
const addresses: Omit<Command, "input"> = {
  argv: ["ip", "-force", "-batch", "-"],
  harmless: ["RTNETLINK answers: Cannot assign requested address", "Command failed -"],
};

/** These read line by line, each line by itself. */
const byLine: readonly Omit<Command, "input">[] = [sysctls, ipvs, sets, addresses];

function joins(a: Command, b: Command): boolean {
  return a.argv === b.argv && byLine.some(({ argv }) => argv === a.argv);
}

function commandOf(step: Step, restore: RestoreCommands): Command {
  switch (step.kind) {
    case "set-sysctl":
      return { ...sysctls, input: `${step.sysctl.path} = ${step.sysctl.value}\n` };
    case "set-timeouts":
      return alone(timeoutsCommand(step.timeouts));
    case "add-device":
      return alone(deviceCommand(step.name), "RTNETLINK answers: File exists");
    case "delete-device":
      return alone(["ip", "link", "delete", word(step.name, "device")], "Cannot find device");
    case "add-address":
      return { ...addresses, input: addressLine("replace", step.address, step.device) };
    case "delete-address":
      return { ...addresses, input: addressLine("delete", step.address, step.device) };
    case "add-set":
      return { ...sets, input: `${createLine(step.set)}\n${addLines(step.set)}` };
    case "replace-set":
      return { ...sets, input: replaceText(step.set, step.through) };
    case "delete-set":
      return alone(["ipset", "destroy", word(step.name, "set")], "The set with the given name does not exist");
    case "add-virtual-server":
      return ipvsLine(`-A ${serviceWords(step.server)} ${settingsWords(step.server)}`);
    case "edit-virtual-server":
      return ipvsLine(`-E ${serviceWords(step.server)} ${settingsWords(step.server)}`);
    case "delete-virtual-server":
      return ipvsLine(`-D ${serviceWords(step.place)}`);
    case "add-real-server":
      return ipvsLine(`-a ${serviceWords(step.of)} ${realServerWords(step.server)}`);
    case "edit-real-server":
      return ipvsLine(`-e ${serviceWords(step.of)} ${realServerWords(step.server)}`);
    case "delete-real-server":
      return ipvsLine(`-d ${serviceWords(step.of)} ${realServerPlace(step.server)}`);
    case "load-chains":
      return restoring(step.ruleset, restore);
    case "add-jumps":
      return jumpsCommand(step.ruleset, restore);
    default:
      return assertNever(step);
  }
}

function alone(argv: Command["argv"], ...harmless: readonly string[]): Command {
  return { argv, input: "", harmless };
}

function ipvsLine(line: string): Command {
  return { ...ipvs, input: `${line}\n` };
}

/** To delete a real server its address is enough. */
function realServerPlace(server: Parameters<typeof realServerWords>[0]): string {
  return realServerWords(server).split(" ").slice(0, 2).join(" ");
}

/** Emptied first: it may be there from a time when this did not come to its end. */
function replaceText(set: IpSet, through: string): string {
  const temporary = { ...set, name: through };
  const fill = `${createLine(temporary)}\nflush ${through}\n${addLines(temporary)}`;
  return `${fill}swap ${through} ${set.name}\ndestroy ${through}\n`;
}

function restoring(ruleset: IptablesRuleset, restore: RestoreCommands): Command {
  const input = renderIptables(ruleset, "restore");
  return { argv: [...restore[ruleset.family], "--noflush"], input, harmless: [] };
}

function jumpsCommand(ruleset: IptablesRuleset, restore: RestoreCommands): Command {
  const command = restoring(ruleset, restore);
  return { ...command, unless: command.input.replaceAll(/^-I /gm, "-C ") };
}
