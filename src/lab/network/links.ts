import { configInvalid } from "../../core/errors.ts";

/** A link between a node and one other place: two addresses of a range of four. */
interface Link {
  /** The name of the interface, at both ends. */
  readonly device: string;
  readonly range: string;
  readonly node: string;
  readonly far: string;
}

/** More nodes have no addresses left: those from .100.0 on are the pods'. */
const MOST_NODES = 100;

/**
 * The links of a node, in the range that is set aside for measuring networks (RFC 2544), so that no cluster has them.
 *
 * @param number of the node, from 0.
 * @throws {SluiceError} CONFIG_INVALID beyond 100 nodes.
 */
export function links(number: number): { readonly client: Link; readonly pods: Link } {
  if (number >= MOST_NODES) throw configInvalid("subjects", `at most ${MOST_NODES} in namespaces`, number + 1);
  const link = (second: number, name: string): Link => {
    const base = `198.${second}.${number}`;
    return { device: `${name}${number}`, range: `${base}.0/30`, node: `${base}.1`, far: `${base}.2` };
  };
  return { client: link(18, "client"), pods: link(19, "pods") };
}

/** Where the pods' addresses begin: two octets for each protocol. */
export const podPrefixes = ["198.18", "198.19"] as const;
