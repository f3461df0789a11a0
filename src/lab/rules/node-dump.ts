import type { CommandResult } from "../../host/exec.ts";
import { canonicalIptables } from "./canonical-iptables.ts";
import { canonicalNft } from "./canonical-nft.ts";
import type { CanonicalDump } from "./dump.ts";

/** What is recorded of a stage; see `dumpNode`. */
export const artifacts = ["iptables-save.txt", "ip6tables-save.txt", "nft.txt"] as const;
export type Artifact = (typeof artifacts)[number];

const tables = ["nat", "filter", "mangle"] as const;

/** The kernel's rules, as a recording has them. @param onlyOurs of nftables' tables those named kube-proxy. */
export async function dumpNode(
  run: (argv: readonly string[]) => Promise<CommandResult>,
  artifact: Artifact,
  onlyOurs: boolean,
): Promise<CanonicalDump> {
  if (artifact === "nft.txt") {
    const { stdout } = await run(["nft", "-s", "list", "ruleset"]);
    return canonicalNft(stdout, onlyOurs ? ["kube-proxy"] : undefined);
  }
  const save = artifact.replace(".txt", "");
  const { stdout } = await run([save]);
  const texts = stdout.split(/^(?=\*)/m).filter((text) => tables.some((table) => text.startsWith(`*${table}\n`)));
  for (const table of tables) {
    // One that nobody has used is listed only when it is asked for.
    if (!texts.some((text) => text.startsWith(`*${table}\n`))) texts.push((await run([save, "-t", table])).stdout);
  }
  return canonicalIptables(texts.join(""));
}
