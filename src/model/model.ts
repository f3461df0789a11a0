import type { Cidr } from "../net/cidr.ts";
import type { Family, Ip } from "../net/ip.ts";
import type { ServicePort } from "./service-port.ts";
import type { UserspacePort } from "./userspace-port.ts";

/** The node on whose behalf the cluster is read. */
export interface NodeView {
  /** The name that was asked for, whether or not the cluster holds such a Node. */
  readonly name: string;
  /** `topology.kubernetes.io/zone`; empty: unknown. */
  readonly zone: string;
  /** The node's own address of each family: InternalIP, else ExternalIP, else loopback. */
  readonly ip4: Ip;
  readonly ip6: Ip;
  /** Every address of the Node object, internal ones first, without loopback. */
  readonly addresses: readonly Ip[];
  readonly podCidrs: readonly Cidr[];
}

/** What one cluster means on one node. Plain data; nothing in it changes. */
export interface Model {
  readonly node: NodeView;
  /** By IP family, each in order of name, then protocol number: independent of the order of the input. */
  readonly servicePorts: { readonly [F in Family]: readonly ServicePort[] };
  /** What kube-proxy up to 1.25 saw in userspace mode, in order of name: IPv4, ready endpoints, no policies. */
  readonly userspacePorts: readonly UserspacePort[];
  /** Of ServiceCIDR objects, by family, each range once, in order of text. */
  readonly serviceCidrs: { readonly [F in Family]: readonly Cidr[] };
}
