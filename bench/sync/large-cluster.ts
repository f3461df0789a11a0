import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCluster } from "../../src/cluster/load.ts";
import type { ClusterSnapshot } from "../../src/cluster/state.ts";
import { execOk } from "../../src/host/exec.ts";
import { inProject } from "../../test/support/root.ts";

/** The node on whose behalf large clusters are read. */
export const NODE = "node-000";
const ENDPOINTS = 5;
/** Of the Service whose endpoint changes. */
const CHANGED = 7;

/** So many Services of five endpoints each, and the same with one endpoint that was replaced. */
export async function largeCluster(services: number): Promise<readonly [ClusterSnapshot, ClusterSnapshot]> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  try {
    const load = async (...more: readonly string[]): Promise<ClusterSnapshot> => {
      const program = inProject("test", "golden", "clusters", "generate-large.mjs");
      const path = join(folder, "cluster.json");
      const size = [String(services), String(ENDPOINTS)];
      const argv = [process.execPath, program, ...size, "--format", "json", ...more];
      // Not by way of this process, whose memory is measured.
      await execOk(["sh", "-c", 'exec "$@" > "$0"', path, ...argv]);
      return (await loadCluster([path])).snapshot;
    };
    const whole = await load("--with-nodes");
    const [slice] = (await load("--change", String(CHANGED))).endpointSlices;
    const { name, namespace } = slice!.metadata;
    const endpointSlices = whole.endpointSlices.map((one) =>
      one.metadata.name === name && one.metadata.namespace === namespace ? slice! : one,
    );
    return [whole, { ...whole, endpointSlices }];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
