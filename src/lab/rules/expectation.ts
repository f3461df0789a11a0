import { canonicalIptables } from "./canonical-iptables.ts";
import { canonicalNft } from "./canonical-nft.ts";
import { compareDumps } from "./compare-dumps.ts";
import type { CanonicalDump } from "./dump.ts";
import { type Artifact, artifacts } from "./node-dump.ts";
import type { RecordedNode } from "./recorded-node.ts";
import { expectedDump, type Recording } from "./recording.ts";
import type { ArtifactDifference } from "./stage-result.ts";

/** What the kernel's rules have to be. */
export interface Expectation {
  readonly dumps: readonly {
    readonly artifact: Artifact;
    /** The record that it is compared with. */
    readonly record: ArtifactDifference["artifact"];
    readonly dump: CanonicalDump;
  }[];
  /** Both kinds of rules were recorded: of nftables' tables then only kube-proxy's. */
  readonly onlyOurs: boolean;
}

/** @param mode that in which kube-proxy was first started. */
export function expectationOf(recording: Recording, stage: string, mode: string): Expectation {
  const texts = artifacts.flatMap((artifact) => {
    const text = expectedDump(recording, stage, mode, artifact);
    return text === undefined ? [] : [{ artifact, text }];
  });
  const onlyOurs = texts.length === artifacts.length;
  const dumps = texts.map(({ artifact, text }) => ({
    artifact,
    record: artifact,
    dump: artifact === "nft.txt" ? canonicalNft(text, onlyOurs ? ["kube-proxy"] : undefined) : canonicalIptables(text),
  }));
  return { dumps, onlyOurs };
}

/** What a running kube-proxy left before it removed what it had emptied; undefined where that is the same. */
export function presettled(recording: Recording, stage: string, mode: string): Expectation | undefined {
  const text = expectedDump(recording, stage, mode, "nft.presettle.txt");
  if (text === undefined) return undefined;
  const record = "nft.presettle.txt";
  return { dumps: [{ artifact: "nft.txt", record, dump: canonicalNft(text) }], onlyOurs: false };
}

export async function compareWith(node: RecordedNode, expected: Expectation): Promise<readonly ArtifactDifference[]> {
  const differences: ArtifactDifference[] = [];
  for (const { artifact, record, dump } of expected.dumps) {
    for (const difference of compareDumps(dump, await node.dump(artifact, expected.onlyOurs))) {
      differences.push({ artifact: record, ...difference });
    }
  }
  return differences;
}
