import { mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandResult, exec, execOk } from "../../host/exec.ts";
import { canonicalIptables } from "./canonical-iptables.ts";
import { canonicalNft } from "./canonical-nft.ts";
import type { CanonicalDump } from "./dump.ts";
import type { Recording } from "./recording.ts";

/** What is recorded of a stage; see `dumpOf`. */
export const artifacts = ["iptables-save.txt", "ip6tables-save.txt", "nft.txt"] as const;
export type Artifact = (typeof artifacts)[number];

/** A network namespace that is the node of a recording, and a folder with what `sluice` is given there. */
export interface RecordedNode {
  readonly folder: string;
  /** Words before a command that is to run in the namespace, with the iptables that the recording had. */
  readonly prefix: readonly [string, ...string[]];
  run(argv: readonly string[], input?: string): Promise<CommandResult>;
  /** @param onlyOurs of nftables' tables those named kube-proxy. */
  dump(artifact: Artifact, onlyOurs: boolean): Promise<CanonicalDump>;
  close(): Promise<void>;
}

/** A program is started and reads thousands of objects, beside others that do the same. */
const COMMAND_MS = 180_000;
const tables = ["nat", "filter", "mangle"] as const;
const commands = ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"];
let made = 0;

/** @throws {SluiceError} HOST_UNABLE, COMMAND_FAILED where a namespace cannot be made: it takes root. */
export async function openRecordedNode(recording: Recording): Promise<RecordedNode> {
  const name = `sluice-rules-${process.pid}-${(made += 1)}`;
  const folder = await mkdtemp(join(tmpdir(), "sluice-rules-"));
  const close = async (): Promise<void> => {
    await exec(["ip", "netns", "delete", name]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await execOk(["ip", "netns", "add", name]);
    const prefix = ["ip", "netns", "exec", name, ...(await pathTo(recording, folder))] as const;
    const run = (argv: readonly string[], input = ""): Promise<CommandResult> =>
      exec([...prefix, ...argv], { input, timeoutMs: COMMAND_MS });
    await setUp(name, recording, run);
    return { folder, prefix, run, dump: (artifact, onlyOurs) => dumpOf(run, artifact, onlyOurs), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Which iptables a command finds: that of the recording. */
async function pathTo({ legacy }: Recording, folder: string): Promise<readonly string[]> {
  if (!legacy) return [];
  for (const command of commands) await symlink("/usr/sbin/xtables-legacy-multi", join(folder, command));
  return ["env", `PATH=${folder}:${process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"}`];
}

async function setUp(name: string, recording: Recording, run: RecordedNode["run"]): Promise<void> {
  const lines = recording.interfaces.flatMap(({ name: own, addresses }) => [
    `link add ${own} type veth peer name ${own}p`,
    `link set dev ${own} addrgenmode none`,
    `link set dev ${own}p addrgenmode none`,
    `link set ${own} up`,
    `link set ${own}p up`,
    ...addresses.map((address) => `addr add ${address} dev ${own}${address.includes(":") ? " nodad" : ""}`),
  ]);
  await execOk(["ip", "-n", name, "-batch", "-"], { input: `link set lo up\n${lines.join("\n")}\n` });
  // A node without such an address has no such route.
  await run(["ip", "route", "add", "default", "via", "192.168.10.1"]);
  await run(["ip", "-6", "route", "add", "default", "via", "fd00:192:168:10::1"]);
  await run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
  if (recording.iptablesBefore !== undefined) await run(["iptables-restore"], recording.iptablesBefore);
}

async function dumpOf(run: RecordedNode["run"], artifact: Artifact, onlyOurs: boolean): Promise<CanonicalDump> {
  if (artifact === "nft.txt") {
    const { stdout } = await run(["nft", "-s", "list", "ruleset"]);
    return canonicalNft(stdout, onlyOurs ? ["kube-proxy"] : undefined);
  }
  const texts: string[] = [];
  for (const table of tables) texts.push((await run([artifact.replace(".txt", ""), "-t", table])).stdout);
  return canonicalIptables(texts.join(""));
}

/** Gives the node the objects of a stage, all at once: whoever follows the file sees the old ones or the new ones. */
export async function writeObjects(node: RecordedNode, objects: Iterable<unknown>): Promise<string> {
  const file = join(node.folder, "objects.json");
  const list = { apiVersion: "v1", kind: "List", items: [...objects] };
  await writeFile(`${file}.new`, JSON.stringify(list));
  await rename(`${file}.new`, file);
  return file;
}
