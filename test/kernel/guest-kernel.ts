import { exec, execOk } from "../../src/host/exec.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { parseConnections } from "../../src/modes/ipvs/parse-connections.ts";
import { parseServers } from "../../src/modes/ipvs/parse-servers.ts";
import { parseSets } from "../../src/modes/ipvs/parse-sets.ts";
import type { Command } from "../../src/modes/ipvs/render-steps.ts";
import type { KernelState } from "../../src/modes/ipvs/state.ts";
import { DEVICE } from "../../src/modes/ipvs/surroundings.ts";
import { parseIp } from "../../src/net/ip.ts";
import { quoted } from "../support/guest.ts";

/** What a kernel says that it holds, in the words of the commands that list it. */
export interface Dumps {
  readonly servers: string;
  readonly connections: string;
  readonly sets: string;
  readonly rules4: string;
  readonly rules6: string;
  /** On kube-ipvs0; undefined where there is none. */
  readonly addresses: readonly string[] | undefined;
  /** By path below /proc/sys, of those that the program sets. */
  readonly sysctls: readonly (readonly [path: string, value: number])[];
}

/** What lists the servers, the sets and the device, in order; kube-ipvs0 may not be there. */
const listings: readonly string[] = [
  "ipvsadm -S -n",
  "ipvsadm -L -n",
  "ipset save",
  `ip -json address show dev ${DEVICE} 2> /dev/null || true`,
];
/** As long as the guest may take: it is ended as a whole. */
const timeoutMs = 600_000;
const MARK = "=== next\n";

/**
 * @param paths of sysctls, below /proc/sys.
 * @param rules of a dump before, where they are known to be the same: to list them takes iptables seconds in a guest.
 */
export async function dumpKernel(paths: readonly string[], rules?: Pick<Dumps, "rules4" | "rules6">): Promise<Dumps> {
  const values = paths.map((path) => `cat /proc/sys/${path}`);
  const [servers, connections, sets, link, ...sysctls] = await outputs([...listings, ...values]);
  const [rules4, rules6] = rules === undefined ? await outputs(["iptables-save", "ip6tables-save"]) : [];
  return {
    servers: servers!,
    connections: connections!,
    sets: sets!,
    rules4: rules4 ?? rules!.rules4,
    rules6: rules6 ?? rules!.rules6,
    addresses: link === "" ? undefined : localsOf(link!),
    sysctls: paths.map((path, index) => [path, Number(sysctls[index])] as const),
  };
}

/** What each command prints. One shell starts them all: a process as large as Node is slow to fork in a guest. */
async function outputs(commands: readonly string[]): Promise<readonly string[]> {
  const script = commands.map((command) => `${command}\nprintf ${quoted(MARK)}`);
  return (await execOk(["sh", "-s"], { input: ["set -e", ...script].join("\n"), timeoutMs })).split(MARK);
}

/** @param release of the kernel, as `uname -r` has it. */
export function stateOf(dumps: Dumps, release: string): KernelState {
  return {
    virtualServers: parseServers(dumps.servers),
    connections: parseConnections(dumps.connections),
    sets: parseSets(dumps.sets),
    rules: [parseIptables(dumps.rules4, 4), parseIptables(dumps.rules6, 6)],
    addresses: dumps.addresses?.map((text) => parseIp(text)),
    sysctls: new Map(dumps.sysctls),
    timeouts: undefined,
    release,
  };
}

/** Runs commands in order, by one shell. @returns what they said that is not harmless, each with the command. */
export async function runCommands(commands: readonly Command[]): Promise<readonly string[]> {
  const { stderr } = await exec(["sh", "-s"], { input: commands.map(scriptOf).join("\n"), timeoutMs });
  const said = stderr.split(MARK);
  return commands.flatMap(({ argv, harmless }, index) => {
    const lines = (said[index] ?? "not run").split("\n").filter((line) => line.trim() !== "");
    const [code, ...messages] = lines.toReversed();
    const bad = messages.filter((line) => !harmless.some((text) => line.includes(text)));
    const failed = code !== "0" && messages.length === 0;
    return bad.length > 0 || failed ? [[argv.join(" "), ...bad, code].join("\n")] : [];
  });
}

/** Says on standard error what the command says, and then its exit code. */
function scriptOf({ argv, input, unless }: Command): string {
  const given = (text: string): string => `printf %s ${quoted(text)} | ${argv.map(quoted).join(" ")}`;
  const asked = unless === undefined ? "" : `${given(unless)} > /dev/null 2>&1 || `;
  return `${asked}${given(input)} > /dev/null\nprintf '%s\\n' $? >&2\nprintf ${quoted(MARK)} >&2`;
}

/** Of `ip -json address show`, without the link-local ones that the kernel gives by itself. */
function localsOf(json: string): readonly string[] {
  const links = JSON.parse(json) as readonly { readonly addr_info: readonly { readonly local: string }[] }[];
  return links
    .flatMap(({ addr_info: infos }) => infos.map(({ local }) => local))
    .filter((ip) => !ip.startsWith("fe80:"));
}
