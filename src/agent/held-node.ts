import type { Node } from "../cluster/objects.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import type { NodeView } from "../model/model.ts";
import { isLoopback } from "../net/ip.ts";

/** Our Node, as a proxy that keeps running goes by it. */
export interface HeldNode {
  see(snapshot: ClusterSnapshot, nodeName: string): void;
  /** As it was last seen: one that is deleted says what it said. Undefined: never seen. */
  lastSeen(): Node | undefined;
  /** The snapshot with our Node as it was last seen, where it does not hold it any more. */
  kept(snapshot: ClusterSnapshot): ClusterSnapshot;
  /** Addresses and pod ranges are those of the start, or of whenever some were known first; the zone is that of now. */
  hold(view: NodeView): NodeView;
}

/**
 * Source: kube-proxy 1.36, pkg/proxy/node.go, `NodeManager`, which tells of a change in its log and does nothing else;
 * pkg/proxy/config/config.go, `NodeTopologyConfig`, which does not hear of a deletion.
 */
export function createHeldNode(): HeldNode {
  let seen: Node | undefined;
  let held: NodeView | undefined;
  return {
    see({ nodes }, nodeName) {
      const node = nodes.find(({ metadata }) => metadata.name === nodeName);
      if (node !== undefined || seen?.metadata.name !== nodeName) seen = node;
    },
    lastSeen: () => seen,
    kept(snapshot) {
      const { nodes } = snapshot;
      if (seen === undefined || nodes.some(({ metadata }) => metadata.name === seen!.metadata.name)) return snapshot;
      return { ...snapshot, nodes: [...nodes, seen] };
    },
    hold(view) {
      if (held === undefined || held.name !== view.name || !hasAddress(held)) held = view;
      return { ...held, zone: view.zone };
    },
  };
}

function hasAddress({ ip4, ip6 }: NodeView): boolean {
  return !isLoopback(ip4) || !isLoopback(ip6);
}
