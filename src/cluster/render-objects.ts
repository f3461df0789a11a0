import { manifestOf } from "./manifest.ts";
import type { ClusterSnapshot } from "./state.ts";
import { renderYaml } from "./text/render-yaml.ts";

/**
 * Writes a cluster as one `kind: List`, as `kubectl get -o yaml` or `-o json` does; loaded, it is an equal snapshot.
 *
 * @param format YAML in block style, or JSON with one object a line.
 */
export function renderObjects(snapshot: ClusterSnapshot, format: "yaml" | "json"): string {
  const { nodes, serviceCidrs, services, endpointSlices, endpoints } = snapshot;
  const manifests = [nodes, serviceCidrs, services, endpointSlices, endpoints].flat().map(manifestOf);
  if (format === "json") {
    const lines = manifests.map((manifest) => JSON.stringify(manifest)).join(",\n");
    return `{"apiVersion":"v1","kind":"List","items":[\n${lines}\n]}\n`;
  }
  return `${renderYaml({ apiVersion: "v1", kind: "List", items: manifests })}\n`;
}
