/** A change of the mode and a clean-up, played by `sluice run`, as steps behind a recorded start. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { obstacle } from "../../dataplane/kernel/in-kernel.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { play } from "./recordings.ts";

const missing = await obstacle("nf_tables");
const test = suite("actions of recordings, by sluice run", { timeoutMs: 300_000 });

const start = inProject("test", "golden", "kube-proxy", "001-clusterip-tcp-1ep");
const saves = ["iptables-save.txt", "ip6tables-save.txt"] as const;
const steps = { "01-switch": "switch-mode", "02-cleanup": "cleanup" } as const;

/** What kube-proxy leaves of its rules: KUBE-FIREWALL, which is kubelet's too, with its rules and jumps. */
function cleaned(saved: string): string {
  const ours = (line: string): boolean => /^(?::KUBE-|-A )/.test(line) && !line.includes("KUBE-FIREWALL");
  const lines = saved.split("\n").filter((line) => !ours(line));
  return lines.join("\n");
}

function writeRecording(folder: string): void {
  for (const file of ["objects.yaml", "config.yaml"]) cpSync(join(start, file), join(folder, file));
  for (const name of ["steps", "expected"]) mkdirSync(join(folder, name));
  const scenario = { name: "switched and cleaned", modes: ["iptables"], steps: Object.keys(steps) };
  writeFileSync(join(folder, "scenario.json"), JSON.stringify(scenario));
  const expected = (file: string): string => readFileSync(join(start, "expected", file), "utf8");
  const expect = (file: string, text: string): void => writeFileSync(join(folder, "expected", file), text);
  for (const save of saves) expect(`00-initial.iptables.${save}`, expected(`00-initial.iptables.${save}`));
  for (const [step, action] of Object.entries(steps)) {
    writeFileSync(join(folder, "steps", `${step}.action.json`), JSON.stringify({ action }));
    for (const save of saves) expect(`${step}.iptables.${save}`, cleaned(expected(`00-initial.iptables.${save}`)));
    expect(`${step}.iptables.nft.txt`, action === "cleanup" ? "" : expected("00-initial.nftables.nft.txt"));
  }
}

const title = "the other mode takes the place of the first one's rules, and a clean-up leaves none of either";
if (missing === undefined) {
  test(title, async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-actions-"));
    try {
      writeRecording(folder);
      await play([folder]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
} else test.skip(title, missing);
