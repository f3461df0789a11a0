import { isSluiceError, SluiceError } from "../../core/errors.ts";
import { findIptables, type Iptables } from "../../host/iptables.ts";
import { DEVICE } from "../../modes/ipvs/surroundings.ts";
import type { IpvsTables } from "../../modes/ipvs/tables.ts";
import type { Family } from "../../net/ip.ts";
import type { KernelHost } from "./programmer.ts";

/** The iptables of each family that this host has. */
export type IpvsTools = ReadonlyMap<Family, Iptables>;

const families: readonly Family[] = [4, 6];

/**
 * Looks whether this host can do what the mode needs of it. A host may lack one family of iptables, not both. What is
 * tried is tried in a namespace of its own, which is gone afterwards.
 *
 * @throws {SluiceError} HOST_UNABLE, naming all that is missing: there is no other mode to fall back on.
 */
export async function findIpvs(host: KernelHost): Promise<IpvsTools> {
  const missing = [
    ...(await lack(host, ["ipvsadm", "-L", "-n"], "IPVS (ip_vs)")),
    ...(await lack(host, ["ipset", "list", "-n"], "sets (ip_set)")),
    ...(await lack(host, inTrial(["ip", "link", "add", DEVICE, "type", "dummy"]), "devices of type dummy (dummy)")),
  ];
  if (missing.length > 0) throw unable(missing);
  const tools = new Map<Family, Iptables>();
  for (const family of families) {
    try {
      tools.set(family, await findIptables(family, host.iptables, host.commands.netns));
    } catch (error) {
      if (!isSluiceError(error, "HOST_UNABLE")) throw error;
      missing.push(`IPv${family}: ${error.details.missing}`);
    }
  }
  if (tools.size === 0) throw unable(missing);
  for (const reason of missing) host.log.warn(`left out: ${reason}`);
  for (const [family, { command, version, variant }] of tools) {
    host.log.info(`IPv${family}: ipvs with ${command} v${version} (${variant})`);
  }
  return tools;
}

/** @throws {SluiceError} HOST_UNABLE for a scheduler that the kernel does not have. */
export async function requireSchedulers(host: KernelHost, tables: readonly IpvsTables[]): Promise<void> {
  const schedulers = new Set(tables.flatMap(({ virtualServers }) => virtualServers.map(({ scheduler }) => scheduler)));
  const missing: string[] = [];
  for (const name of schedulers) {
    const trial = inTrial(["ipvsadm", "-A", "-t", "198.51.100.0:20000", "-s", name]);
    missing.push(...(await lack(host, trial, `the scheduler ${name} (ip_vs_${name})`)));
  }
  if (missing.length > 0) throw unable(missing);
}

function inTrial(argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return ["unshare", "--net", ...argv];
}

/** @param what a kernel that cannot do it lacks. */
async function lack({ commands }: KernelHost, argv: readonly [string, ...string[]], what: string): Promise<string[]> {
  try {
    const { exitCode, stderr } = await commands.run(argv);
    if (exitCode === 0) return [];
    const said = stderr.split("\n").find((line) => line.trim() !== "" && !line.startsWith("modprobe:"));
    return [`of the kernel ${what}: ${said ?? `exit code ${exitCode}`}`];
  } catch (error) {
    if (!isSluiceError(error, "HOST_UNABLE")) throw error;
    return [`the command ${error.details.missing}`];
  }
}

function unable(missing: readonly string[]): SluiceError<"HOST_UNABLE"> {
  const what = missing.join("; ");
  return new SluiceError("HOST_UNABLE", `this host cannot do mode ipvs; missing: ${what}`, { missing: what });
}
