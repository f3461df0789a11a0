import type { Node } from "../../cluster/objects.ts";

/** Set by the cluster autoscaler on a Node that it is about to remove. */
const TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler";

/**
 * Whether load balancers may send new connections to the node.
 *
 * @param node undefined while the cluster has never been seen to hold it: then they may not.
 * Source: kube-proxy 1.36, `NodeEligible`.
 */
export function isNodeEligible(node: Pick<Node, "taints" | "deletionTimestamp"> | undefined): boolean {
  if (node === undefined || node.deletionTimestamp !== undefined) return false;
  return !node.taints.some(({ key }) => key === TO_BE_DELETED);
}
