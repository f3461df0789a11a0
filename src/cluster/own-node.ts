import { configInvalid } from "../core/errors.ts";
import type { ClusterSnapshot } from "./state.ts";

/** Which Node we are. */
export interface OwnNode {
  /** As the Node object spells it; empty where the cluster holds no Node and none was named. */
  readonly name: string;
  /** Nothing says that we are this Node: good enough to look at, not to program a host with. */
  readonly guessed: boolean;
  /** What a user should be told about the choice, as one sentence; empty where it needs no word. */
  readonly reason: string;
}

/**
 * Chooses the Node on whose behalf the cluster is read: the one that is named, else the one named like the host, else
 * the first.
 *
 * As kube-proxy, it trims names and lower-cases them, and takes a name that no Node has: the node then has no zone,
 * no addresses and no local endpoints. Guessing the first Node is ours, for clusters that are only looked at.
 *
 * @param hostnameOverride empty: not given.
 * @throws {SluiceError} CONFIG_INVALID for an override of blanks alone.
 */
export function chooseOwnNode(
  { nodes }: ClusterSnapshot,
  { hostnameOverride = "", hostname }: { hostnameOverride?: string; hostname: string },
): OwnNode {
  const known = (name: string): boolean => nodes.some(({ metadata }) => metadata.name === name);
  if (hostnameOverride !== "") {
    const name = canonical(hostnameOverride);
    if (name === "") throw configInvalid("hostnameOverride", "the name of a Node", hostnameOverride);
    const missing = nodes.length > 0 && !known(name);
    return { name, guessed: false, reason: missing ? `no Node has the name ${name}: nothing is local to it` : "" };
  }
  const own = canonical(hostname);
  if (known(own)) return { name: own, guessed: false, reason: "" };
  const first = nodes[0]?.metadata.name;
  if (first === undefined) return { name: "", guessed: false, reason: "" };
  return {
    name: first,
    guessed: true,
    reason: `no Node has this host's name, ${own}: looking at the cluster as ${first}`,
  };
}

function canonical(name: string): string {
  return name.trim().toLowerCase();
}
