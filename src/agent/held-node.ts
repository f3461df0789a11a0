import type { Node } from "../cluster/objects.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import type { NodeView } from "../model/model.ts";
import { viewNode } from "../model/node-view.ts";
import { isLoopback } from "../net/ip.ts";

/** Our Node, as a proxy that keeps running goes by it. */
export interface HeldNode {
  see(snapshot: ClusterSnapshot, nodeName: string): void;
  /** As it was last seen: one that is deleted says what it said. Undefined: never seen. */
  lastSeen(): Node | undefined;
  /**
   * Addresses and pod ranges are those of the start, or of whenever some were known first; the zone is that of now, or
   * the last one of a Node that is deleted.
   */
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
    hold(view) {
      if (held === undefined || held.name !== view.name || !hasAddress(held)) held = view;
      return { ...held, zone: seen === undefined ? view.zone : viewNode([seen], view.name).zone };
    },
  };
}

function hasAddress({ ip4, ip6 }: NodeView): boolean {
  return !isLoopback(ip4) || !isLoopback(ip6);
}
