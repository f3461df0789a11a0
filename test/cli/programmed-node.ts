/** A host that `sluice run` programs: a namespace with an address, commands of the test's own, and dumps of its rules. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "../../src/host/exec.ts";
import { canonicalIptables } from "../../src/lab/rules/canonical-iptables.ts";
import { canonicalNft } from "../../src/lab/rules/canonical-nft.ts";
import { obstacle } from "../dataplane/kernel/in-kernel.ts";
import { openNamespace } from "../support/namespace.ts";

/** What programs the rules. */
export const programmers = ["iptables", "iptables-legacy", "nftables"] as const;
export type Programmer = (typeof programmers)[number];

export const modeOf = (programmer: Programmer): "iptables" | "nftables" =>
  programmer === "nftables" ? "nftables" : "iptables";

export interface ProgrammedNode {
  /** A command that becomes the one behind it, on this host. */
  readonly through: readonly string[];
  /** Where its files may lie. */
  readonly folder: string;
  /** Replaces a command of the host by a shell script, in which REAL is the host's own. */
  replace(command: string, script: string): void;
  /** A setting of its kernel, `name=value`. */
  set(setting: string): Promise<void>;
  /** All rules, in a form in which equal ones are the same text. */
  dump(): Promise<string>;
  close(): Promise<void>;
}

const legacyCommands = [
  "iptables",
  "iptables-save",
  "iptables-restore",
  "ip6tables",
  "ip6tables-save",
  "ip6tables-restore",
];
let made = 0;

/** Runs a body on a host of its own, which is gone afterwards. */
export async function onNode(programmer: Programmer, body: (node: ProgrammedNode) => Promise<void>): Promise<void> {
  const node = await openProgrammedNode(programmer);
  try {
    await body(node);
  } finally {
    await node.close();
  }
}

/** @returns why this host cannot have such a one; undefined: it can. */
export function obstacleTo(programmer: Programmer): Promise<string | undefined> {
  return obstacle(programmer === "iptables-legacy" ? "legacy" : "nf_tables");
}

async function openProgrammedNode(programmer: Programmer): Promise<ProgrammedNode> {
  made += 1;
  const namespace = await openNamespace(`sluice-cli-${process.pid}-${made}`);
  if (typeof namespace === "string") throw new Error(namespace);
  const folder = mkdtempSync(join(tmpdir(), "sluice-node-"));
  const commands = join(folder, "bin");
  mkdirSync(commands);
  if (programmer === "iptables-legacy") {
    for (const name of legacyCommands) symlinkSync("/usr/sbin/xtables-legacy-multi", join(commands, name));
  }
  await namespace.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0p");
  await namespace.run("ip", "link", "set", "eth0", "up");
  await namespace.run("ip", "address", "add", "192.168.10.5/24", "dev", "eth0");
  const lock = `XTABLES_LOCKFILE=${join(folder, "xtables.lock")}`;
  const through = [...namespace.through, "env", lock, `PATH=${commands}:${process.env["PATH"]}`] as const;
  const ask = async (...argv: readonly string[]): Promise<string> => (await exec([...through, ...argv])).stdout;
  return {
    through,
    folder,
    replace(command: string, script: string) {
      const file = join(commands, command);
      rmSync(file, { force: true });
      writeFileSync(file, `#!/bin/sh\nREAL=/usr/sbin/${command}\n${script}\n`);
      chmodSync(file, 0o755);
    },
    async set(setting) {
      assert.equal((await exec([...through, "sysctl", "-qw", setting])).exitCode, 0, setting);
    },
    async dump() {
      const texts =
        programmer === "nftables"
          ? [canonicalNft(await ask("nft", "-s", "list", "ruleset"))]
          : [canonicalIptables(await ask("iptables-save")), canonicalIptables(await ask("ip6tables-save"))];
      return JSON.stringify(texts.map((dump) => [...dump].toSorted()));
    },
    async close() {
      await namespace.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
