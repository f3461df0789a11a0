import { release } from "node:os";
import { parseIptables } from "../../modes/iptables/parse.ts";
import { parseConnections } from "../../modes/ipvs/parse-connections.ts";
import { parseServers } from "../../modes/ipvs/parse-servers.ts";
import { parseSets } from "../../modes/ipvs/parse-sets.ts";
import { parseTimeouts } from "../../modes/ipvs/parse-timeouts.ts";
import type { OwnedState } from "../../modes/ipvs/plan-cleanup.ts";
import type { KernelState } from "../../modes/ipvs/state.ts";
import { DEVICE } from "../../modes/ipvs/surroundings.ts";
import type { IpvsTables } from "../../modes/ipvs/tables.ts";
import { type Ip, parseIp } from "../../net/ip.ts";
import type { Commands } from "./commands.ts";
import type { IpvsTools } from "./ipvs-host.ts";

/**
 * Lists what a kernel holds.
 *
 * @param wanted what it is to hold: settings are looked at where that says something of them.
 * @throws {SluiceError} DATAPLANE_FAILED where it cannot be listed.
 */
export async function readState(
  commands: Commands,
  tools: IpvsTools,
  wanted: readonly IpvsTables[],
): Promise<KernelState> {
  const around = wanted.flatMap((tables) => tables.around ?? []);
  const sysctls = new Set(around.flatMap((one) => one.sysctls.map(({ path }) => path)));
  const timed = around.some(({ timeouts }) => Object.values(timeouts).some((seconds) => seconds > 0));
  const rules = [];
  for (const [family, { save }] of tools) rules.push(parseIptables(await commands.ok([save]), family));
  return {
    virtualServers: parseServers(await commands.ok(["ipvsadm", "-S", "-n"])),
    connections: parseConnections(await commands.ok(["ipvsadm", "-L", "-n"])),
    sets: parseSets(await commands.ok(["ipset", "save"])),
    rules,
    addresses: await readAddresses(commands),
    sysctls: await readSysctls(commands, [...sysctls]),
    timeouts: timed ? parseTimeouts(await commands.ok(["ipvsadm", "-L", "--timeout"])) : undefined,
    release: release(),
  };
}

/**
 * Lists as much as tells what is ours; a host that lacks a command or a kernel's part has nothing of ours there. IPVS is
 * asked only where sets or the device are: to ask loads it.
 */
export async function readOwned(commands: Commands): Promise<OwnedState> {
  const listed = async (argv: readonly [string, ...string[]]): Promise<string> => {
    const { exitCode, stdout } = await commands.run(argv);
    return exitCode === 0 ? stdout : "";
  };
  const sets = parseSets(await listed(["ipset", "save"]));
  const addresses = await readAddresses(commands);
  const known = addresses !== undefined || sets.length > 0;
  return { sets, addresses, virtualServers: known ? parseServers(await listed(["ipvsadm", "-S", "-n"])) : [] };
}

/** On the device, without the link-local ones that a kernel gives by itself; undefined: there is no device. */
async function readAddresses(commands: Commands): Promise<readonly Ip[] | undefined> {
  const { exitCode, stdout } = await commands.run(["ip", "-json", "address", "show", "dev", DEVICE]);
  if (exitCode !== 0) return undefined;
  const links = JSON.parse(stdout) as readonly { readonly addr_info: readonly Address[] }[];
  const addresses = links.flatMap(({ addr_info: all }) => all);
  return addresses.filter(({ scope }) => scope !== "link").map(({ local }) => parseIp(local));
}

interface Address {
  readonly local: string;
  readonly scope: string;
}

/** Those that are there, by path. */
async function readSysctls(commands: Commands, paths: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const files = paths.map((path) => `/proc/sys/${path}`);
  if (files.length === 0) return new Map();
  // The files of /proc/sys/net are those of the namespace that the reader is in.
  const { stdout } = await commands.run(["grep", "-Hs", "", ...files]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const [file = "", value] = line.split(":");
      return [file.slice("/proc/sys/".length), Number(value)];
    }),
  );
}
