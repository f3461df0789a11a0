import { isSluiceError } from "../core/errors.ts";
import { exec } from "../host/exec.ts";
import type { DumpArguments, DumpTexts } from "./trace-dumps.ts";
import { note } from "./cluster-input.ts";

type Argv = readonly [string, ...string[]];

/** How this host tells each of its dumps. */
const commands: Readonly<Record<keyof DumpArguments, Argv>> = {
  iptablesSave: ["iptables-save"],
  ip6tablesSave: ["ip6tables-save"],
  nftJson: ["nft", "-j", "list", "ruleset"],
  ipvs: ["ipvsadm", "-S", "-n"],
  ipset: ["ipset", "save"],
  ipvsConnections: ["ipvsadm", "-L", "-n", "-c"],
  conntrack: ["conntrack", "-L"],
  ipAddr: ["ip", "-d", "-j", "addr"],
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

/** How many connections this host's conntrack may have; undefined: it does not tell, or has none. */
export async function readConntrackMax(): Promise<number | undefined> {
  const text = await outputOf(["sysctl", "-n", "net.netfilter.nf_conntrack_max"]);
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

/** Whether this host's conntrack picks TCP connections up in mid-stream; undefined: it does not tell, or has none. */
export async function readTcpLoose(): Promise<boolean | undefined> {
  const text = await outputOf(["sysctl", "-n", "net.netfilter.nf_conntrack_tcp_loose"]);
  return text === undefined ? undefined : text.trim() !== "0";
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
