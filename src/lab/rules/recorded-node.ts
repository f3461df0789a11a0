import { mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandResult, exec, execOk, type RunningCommand, startCommand } from "../../host/exec.ts";
import type { CanonicalDump } from "./dump.ts";
import { type Artifact, dumpNode } from "./node-dump.ts";
import { setUpNode } from "./node-interfaces.ts";
import type { Recording } from "./recording.ts";

/** A `sluice` that runs until it ends or is stopped. */
export type RunningSluice = Pick<RunningCommand, "ended" | "stdout" | "stderr" | "stop">;

/** A network namespace that is the node of a recording, and a folder with what `sluice` is given there. */
export interface RecordedNode {
  readonly folder: string;
  /** Runs a command in the namespace, with the iptables that the recording had. */
  run(argv: readonly string[], input?: string): Promise<CommandResult>;
  /** Runs `sluice` there, and waits for it. */
  sluice(argv: readonly string[]): Promise<CommandResult>;
  /** Starts `sluice` there. */
  follow(argv: readonly string[]): RunningSluice;
  /** @param onlyOurs of nftables' tables those named kube-proxy. */
  dump(artifact: Artifact, onlyOurs: boolean): Promise<CanonicalDump>;
  close(): Promise<void>;
}

/** A program is started and reads thousands of objects, beside others that do the same. */
const COMMAND_MS = 180_000;
const commands = ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"];
let made = 0;

/** A name for a namespace that no other of ours has. */
export function freeName(): string {
  return `sluice-rules-${process.pid}-${(made += 1)}`;
}

export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "sluice-rules-"));
}

/**
 * Makes a namespace for one recording.
 *
 * @param sluice the words that start it, without a command.
 * @throws {SluiceError} HOST_UNABLE, COMMAND_FAILED where a namespace cannot be made: it takes root.
 */
export async function openRecordedNode(
  recording: Recording,
  sluice: readonly [string, ...string[]],
): Promise<RecordedNode> {
  const name = freeName();
  const folder = await makeFolder();
  const close = async (): Promise<void> => {
    await exec(["ip", "netns", "delete", name]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await execOk(["ip", "netns", "add", name]);
    const prefix = ["ip", "netns", "exec", name, ...(await pathTo(recording, folder))] as const;
    const run = (argv: readonly string[], input = ""): Promise<CommandResult> =>
      exec([...prefix, ...argv], { input, timeoutMs: COMMAND_MS });
    await setUpNode(run, recording);
    return {
      folder,
      run,
      sluice: (argv) => run([...sluice, ...argv]),
      follow: (argv) => startCommand([...prefix, ...sluice, ...argv]),
      dump: (artifact, onlyOurs) => dumpNode(run, artifact, onlyOurs),
      close,
    };
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

/** Gives the node the objects of a stage, all at once: whoever follows the file sees the old ones or the new ones. */
export async function writeObjects(node: RecordedNode, objects: Iterable<unknown>): Promise<string> {
  const file = join(node.folder, "objects.json");
  const list = { apiVersion: "v1", kind: "List", items: [...objects] };
  await writeFile(`${file}.new`, JSON.stringify(list));
  await rename(`${file}.new`, file);
  return file;
}
