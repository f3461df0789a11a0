import type { CommandResult } from "../../host/exec.ts";
import type { Commands } from "./commands.ts";

/** A command that would change the host. */
export interface WouldRun {
  readonly argv: readonly string[];
  /** For its standard input. */
  readonly input: string;
}

/** Commands of which those that only look are run; of the others somebody is told, and they seem to succeed. */
export function createDryCommands(commands: Commands, onChange: (change: WouldRun) => void): Commands {
  const run: Commands["run"] = async (argv, input = ""): Promise<CommandResult> => {
    if (onlyLooks(argv, input)) return commands.run(argv, input);
    onChange({ argv, input });
    return { exitCode: 0, stdout: "", stderr: "" };
  };
  return {
    netns: commands.netns,
    run,
    async ok(argv, input = "") {
      return onlyLooks(argv, input) ? commands.ok(argv, input) : (await run(argv, input)).stdout;
    },
  };
}

/** The words by which a command is known not to change anything; any other way of calling it might. */
const looking: readonly (readonly [command: RegExp, word: RegExp])[] = [
  [/^ip6?tables(-nft|-legacy)?$/, /^(-S|--version)$/],
  [/^ip6?tables(-nft|-legacy)?-save$/, /^/],
  [/^nft$/, /^(list|--version)$/],
  [/^ipvsadm$/, /^-[LS]$/],
  [/^ipset$/, /^(list|save)$/],
  [/^ip$/, /^show$/],
  [/^conntrack$/, /^-[LC]$/],
  [/^nfacct$/, /^(list|get)$/],
  // In a namespace that is gone afterwards.
  [/^(grep|cat|unshare)$/, /^/],
];

function onlyLooks([command = "", ...words]: readonly string[], input: string): boolean {
  if (looking.some(([name, word]) => name.test(command) && [command, ...words].some((one) => word.test(one))))
    return true;
  // Asks whether rules are there.
  return command.includes("tables") && command.endsWith("-restore") && /^-C /m.test(input);
}
