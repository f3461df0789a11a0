import type { NodeView } from "../../model/model.ts";
import { nodePortAddresses } from "../node-port-addresses.ts";
import type { ResolvedIptablesOptions } from "./options.ts";

/**
 * Settings of the kernel that the rules rest on. Node ports on 127.0.0.0/8 need packets with a loopback source to be
 * routed; without the rule that drops invalid packets conntrack has to be liberal about TCP windows.
 *
 * Source: kube-proxy, pkg/proxy/iptables/proxier.go, `NewProxier`; cmd/kube-proxy/app/conntrack.go.
 */
export function iptablesSysctls(
  node: NodeView,
  options: ResolvedIptablesOptions,
): readonly { readonly path: string; readonly value: number }[] {
  const onLoopback = options.localhostNodePorts && nodePortAddresses(options.nodePortAddresses, 4, node).ipv4Loopback;
  return [
    ...(onLoopback ? [{ path: "net/ipv4/conf/all/route_localnet", value: 1 }] : []),
    ...(options.tcpBeLiberal ? [{ path: "net/netfilter/nf_conntrack_tcp_be_liberal", value: 1 }] : []),
  ];
}
