/** Whose chains are named so: `filter/cali-FORWARD` of iptables, `inet firewalld/filter_FORWARD` of nftables. */
const owners: readonly (readonly [where: RegExp, owner: string])[] = [
  [/\/KUBE-(?:ROUTER-|POD-FW-|NWPLCY-)/, "kube-router"],
  [/\/cali-| calico\//, "Calico"],
  [/\/WEAVE/, "Weave Net"],
  [/\/CILIUM_/, "Cilium"],
  [/\/FLANNEL-| flannel/, "Flannel"],
  [/\/ANTREA-| antrea/, "Antrea"],
  [/\/ISTIO_/, "Istio"],
  [/\/AWS-/, "the AWS VPC CNI"],
  [/\/OPENSHIFT-/, "OpenShift"],
  [/\/DOCKER(?:-USER|-ISOLATION-STAGE-\d|-FORWARD|-BRIDGE|-CT|-INTERNAL|-INGRESS)?$| docker-bridges\//, "Docker"],
  [/\/(?:CNI-|NETAVARK)| netavark\//, "Podman or a CNI plugin"],
  [/\/LIBVIRT_| libvirt_network\//, "libvirt"],
  [/\/ufw6?-/, "ufw"],
  [/\/(?:f2b-|fail2ban-)| f2b-table\//, "fail2ban"],
  [/\/ts-/, "Tailscale"],
  [/\/(?:FWD[IO]|IN|PRE|POST)_[A-Za-z]| firewalld\//, "firewalld"],
  [/\/nixos-fw/, "NixOS"],
  [/ fw4\//, "OpenWrt"],
];

/** @returns undefined where the name is anybody's. */
export function ownerOf(where: string): string | undefined {
  return owners.find(([pattern]) => pattern.test(where))?.[1];
}
