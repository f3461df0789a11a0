/**
 * A Linux of its own to try things on that the host's kernel lacks: user-mode Linux, a kernel that runs as a process. Its
 * root is the host's, to be read only, so that the working tree and all commands are there as they are.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { exec } from "../../src/host/exec.ts";

/** Commands that a guest cannot do without, and what has them in Debian. */
const needed: Readonly<Record<string, string>> = {
  "linux.uml": "user-mode-linux",
  modprobe: "kmod",
  ipvsadm: "ipvsadm",
  ipset: "ipset",
  "iptables-legacy": "iptables",
  ip: "iproute2",
};

/** What came of a program in a guest. */
export interface GuestRun {
  /** The guest's kernel came up. All else is empty if not. */
  readonly booted: boolean;
  /** Undefined: it did not come to an end in time. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** What the guest's kernel had to say. */
  readonly console: string;
}

/** Where commands are, on the host and so in a guest. */
function commandFile(command: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, command)).find((file) => existsSync(file));
}

/** @returns what keeps guests from being run, as far as it is seen without running one; undefined: nothing. */
export function guestObstacle(): string | undefined {
  const missing = Object.keys(needed).filter((command) => commandFile(command) === undefined);
  if (missing.length === 0) return undefined;
  return `no ${missing.join(", ")}: install ${missing.map((command) => needed[command]).join(", ")}`;
}

/**
 * Boots a guest, runs one Node program in it as root, and ends it. There are the network device `lo`, and `iptables` in
 * the variant that the guest's kernel has (legacy).
 *
 * @param program its compiled file, and words for it.
 * @param modules of the kernel, to be loaded before.
 * @param timeoutMs of the whole; then the guest is ended.
 */
export async function runInGuest(
  program: readonly [file: string, ...words: string[]],
  modules: readonly string[],
  timeoutMs: number,
): Promise<GuestRun> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-guest-"));
  const init = join(folder, "init");
  linkLegacyIptables(join(folder, "bin"));
  writeFileSync(init, initScript(folder, program, modules), { mode: 0o755 });
  try {
    const { stdout, stderr } = await exec(bootCommand(folder, init), { timeoutMs });
    const read = (name: string): string => {
      const file = join(folder, name);
      return existsSync(file) ? readFileSync(file, "utf8") : "";
    };
    const code = read("code").trim();
    return {
      booted: read("up") !== "",
      exitCode: code === "" ? undefined : Number(code),
      stdout: read("stdout"),
      stderr: read("modules") + read("stderr"),
      console: stdout + stderr,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Linked here and not in the guest, where each command costs tenths of a second. */
function linkLegacyIptables(folder: string): void {
  mkdirSync(folder);
  for (const tool of ["iptables", "ip6tables"]) {
    for (const form of ["", "-save", "-restore"]) {
      symlinkSync(commandFile(`${tool}-legacy${form}`)!, join(folder, tool + form));
    }
  }
}

/** @param folder where the guest's kernel keeps its own files. */
function bootCommand(folder: string, init: string): [string, ...string[]] {
  const root = ["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", `init=${init}`];
  const console = ["con=null", "con0=null,fd:1", "quiet", "loglevel=3"];
  // Without it the close of a raw socket waits for 0.1 s, and iptables has one for each set that a rule names.
  return ["linux.uml", `uml_dir=${folder}`, "mem=512M", ...root, ...console, "rcupdate.rcu_expedited=1"];
}

/**
 * What the guest runs in place of an init system: mounts, modules, the program, and the end. Once the modules are there
 * the kernel looks for no others: for each that iptables may have it would start a modprobe that finds nothing.
 */
function initScript(folder: string, program: readonly string[], modules: readonly string[]): string {
  return `#!/bin/sh
export PATH=/run/out/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run &&
mkdir -p /run/out /run/modules/lib && mount -t hostfs none /run/out -o ${quoted(folder)} && echo up > /run/out/up
ln -s /usr/lib/uml/modules /run/modules/lib/modules
modprobe -d /run/modules -a ${modules.join(" ")} 2> /run/out/modules
echo > /proc/sys/kernel/modprobe
ip link set lo up
${[process.execPath, ...program].map(quoted).join(" ")} > /run/out/stdout 2> /run/out/stderr
echo $? > /run/out/code
sync
poweroff -f
`;
}

/** A text as one word of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
