import { isSluiceError } from "../core/errors.ts";
import { exec } from "../host/exec.ts";
import type { DumpArguments, DumpTexts } from "./trace-dumps.ts";
import { note } from "./cluster-options.ts";

type Argv = readonly [string, ...string[]];

/** How this host tells each of its dumps. */
const commands: Readonly<Record<keyof DumpArguments, Argv>> = {
  iptablesSave: ["iptables-save"],
  ip6tablesSave: ["ip6tables-save"],
  nftJson: ["nft", "-j", "list", "ruleset"],
  ipvs: ["ipvsadm", "-S", "-n"],
  ipset: ["ipset", "save"],
  conntrack: ["conntrack", "-L"],
  ipAddr: ["ip", "-j", "addr"],
  ipRoute: ["ip", "-j", "route"],
};

/** The dumps of this host, taken now; what it cannot tell is said on stderr, and left out. */
export async function readHost(): Promise<DumpTexts> {
  const texts: Partial<Record<keyof DumpArguments, { text: string; file: string }>> = {};
  for (const [field, argv] of Object.entries(commands) as [keyof DumpArguments, Argv][]) {
    const text = await outputOf(argv);
    if (text !== undefined) texts[field] = { text, file: argv.join(" ") };
  }
  return texts;
}

async function outputOf(argv: Argv): Promise<string | undefined> {
  try {
    const { exitCode, stdout, stderr } = await exec(argv);
    if (exitCode === 0) return stdout;
    note(`${argv.join(" ")}: ${stderr.trim().split("\n")[0] ?? ""}`);
  } catch (error) {
    if (!isSluiceError(error, "HOST_UNABLE")) throw error;
    note(error.message);
  }
  return undefined;
}
