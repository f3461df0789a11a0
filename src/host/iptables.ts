import { isSluiceError, SluiceError } from "../core/errors.ts";
import type { Family } from "../net/ip.ts";
import { exec } from "./exec.ts";
import { inNetns } from "./netns.ts";

/** The two programs of one name: one feeds nf_tables, the other the kernel's older tables, beside each other. */
export type IptablesVariant = "nf_tables" | "legacy";

/** The iptables of a host for one family. */
export interface Iptables {
  /** `1.8.9` */
  readonly version: string;
  readonly variant: IptablesVariant;
  readonly command: string;
  readonly save: string;
  readonly restore: string;
}

/** How the commands of each variant are called; without one they are the host's choice. */
const infix = { nf_tables: "-nft", legacy: "-legacy" } as const satisfies Record<IptablesVariant, string>;

/** Whether the host has an iptables of any family, whatever it may do with it. */
export async function hasIptables(variant?: IptablesVariant, netns?: string): Promise<boolean> {
  const commands = ([4, 6] as const).map((family) => commandOf(family, variant));
  const tries = await Promise.allSettled(commands.map((command) => attempt([command, "--version"], netns)));
  return tries.some(({ status }) => status === "fulfilled");
}

/**
 * Finds the iptables of one family, and tries whether it can reach the kernel's nat table.
 *
 * @param variant undefined: whichever `iptables` is.
 * @param netns a network namespace; undefined: the one that we are in.
 * @throws {SluiceError} HOST_UNABLE, saying what is missing.
 */
export async function findIptables(family: Family, variant?: IptablesVariant, netns?: string): Promise<Iptables> {
  const command = commandOf(family, variant);
  const told = await attempt([command, "--version"], netns);
  const [, version, kind] = /v(\d+(?:\.\d+)+)(?: \((\w+)\))?/.exec(told) ?? [];
  if (version === undefined) throw unable(`${command}: its version is not to be read from ${JSON.stringify(told)}`);
  await attempt([command, "-w", "5", "-S", "POSTROUTING", "-t", "nat"], netns);
  // Before 1.8 there was one iptables, and it did not say which.
  const found = kind === "nf_tables" ? "nf_tables" : "legacy";
  return { version, variant: found, command, save: `${command}-save`, restore: `${command}-restore` };
}

function commandOf(family: Family, variant: IptablesVariant | undefined): string {
  return `${family === 4 ? "iptables" : "ip6tables"}${variant === undefined ? "" : infix[variant]}`;
}

async function attempt(argv: readonly [string, ...string[]], netns: string | undefined): Promise<string> {
  const { exitCode, stdout, stderr } = await exec(inNetns(netns, argv)).catch((error: unknown) => {
    throw isSluiceError(error, "HOST_UNABLE") ? unable(error.message) : error;
  });
  if (exitCode !== 0) throw unable(`${argv.join(" ")}: ${stderr.trim() || `exit code ${exitCode}`}`);
  return stdout.trim();
}

function unable(missing: string): SluiceError<"HOST_UNABLE"> {
  return new SluiceError("HOST_UNABLE", missing, { missing });
}
