import type { Family } from "../../../net/ip.ts";
import type { Choices } from "./choices.ts";
import type { ConnectionTable } from "./connection.ts";
import { type Entry, entryOf } from "./entry.ts";
import { type HostNode, prepareRouting, type Routing } from "./host-node.ts";
import { type HookFunction, type Hooks, prepareHooks } from "./hooks.ts";
import { type Arrival, travel } from "./journey.ts";
import { openPacket, type PacketHead } from "./packet.ts";
import { openWalk, type Walk } from "./walk.ts";

/** What runs on a node, by family. */
export type NodeHooks = Readonly<Record<Family, readonly HookFunction[]>>;

/** A node that packets can be sent through, one at a time, each finding it as it was. */
export interface EmulatedNode {
  readonly routing: Routing;
  readonly connections: ConnectionTable;
  /** The interface that packets of this source come in by. */
  entry(head: PacketHead): Entry;
  /** @param inInterface empty: a process of the node sends it. */
  walk(head: PacketHead, inInterface: string, choices: Choices, showsAll?: boolean): Walked;
  /** The same node with other connections. */
  answering(connections: ConnectionTable): EmulatedNode;
}

export interface Walked {
  readonly walk: Walk;
  readonly arrival: Arrival;
}

/** @param hooks of each family. */
export function createNode(host: HostNode, hooks: NodeHooks, connections: ConnectionTable): EmulatedNode {
  return over(prepareRouting(host), { 4: prepareHooks(hooks[4]), 6: prepareHooks(hooks[6]) }, connections);
}

function over(routing: Routing, hooks: Readonly<Record<Family, Hooks>>, connections: ConnectionTable): EmulatedNode {
  return {
    routing,
    connections,
    entry: ({ src }) => entryOf(routing, src),
    walk(head, inInterface, choices, showsAll = false) {
      const packet = openPacket(head);
      packet.inInterface = inInterface;
      const walk = openWalk({ packet, routing, connections, choices, isOwn: inInterface === "", showsAll });
      return { walk, arrival: travel(walk, (family) => hooks[family]) };
    },
    answering: (others) => over(routing, hooks, others),
  };
}
