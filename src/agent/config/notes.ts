import type { KubeProxyConfiguration } from "./config.ts";
import { foreignGates } from "./feature-gates.ts";
import { isDefault } from "./unhonoured.ts";

/** Fields that kube-proxy's userspace mode did not look at. */
const unusedInUserspace = [
  "clusterCIDR",
  "detectLocalMode",
  "detectLocal",
  "iptables.masqueradeBit",
  "iptables.masqueradeAll",
  "iptables.localhostNodePorts",
];
/** Fields that say something to the kernel alone. */
const kernelOnly = [
  "conntrack.maxPerCore",
  "conntrack.min",
  "conntrack.tcpEstablishedTimeout",
  "conntrack.tcpCloseWaitTimeout",
  "conntrack.tcpBeLiberal",
  "conntrack.udpTimeout",
  "conntrack.udpStreamTimeout",
  "oomScoreAdj",
];
/** Of the masquerading: where this process forwards, every connection comes from it. */
const masquerading = ["iptables.masqueradeBit", "iptables.masqueradeAll"];
const kernelOnlyInIpvs = [
  "clusterCIDR",
  "detectLocalMode",
  "detectLocal",
  "ipvs.excludeCIDRs",
  "ipvs.strictARP",
  "ipvs.tcpTimeout",
  "ipvs.tcpFinTimeout",
  "ipvs.udpTimeout",
];

/**
 * What a user has to know of fields that are set and do nothing, a sentence each; empty where every field does what it
 * says.
 *
 * @param kernel the kernel carries out the program, and not this process.
 */
export function configNotes(config: KubeProxyConfiguration, { kernel }: { kernel: boolean }): readonly string[] {
  const set = (fields: readonly string[]): readonly string[] => fields.filter((field) => !isDefault(config, field));
  const note = (fields: readonly string[], why: string): readonly string[] =>
    fields.length === 0 ? [] : [`${fields.join(", ")}: ${why}`];
  const { mode } = config;
  return [
    ...note(set(["clientConnection", "configSyncPeriod"]), "not used, since no API server is asked"),
    ...note(
      foreignGates(config).map((gate) => `featureGates.${gate}`),
      "not a gate of this proxy",
    ),
    ...(mode === "userspace" ? note(set(unusedInUserspace), "not used in mode userspace") : []),
    ...(kernel
      ? []
      : note(
          set([
            ...kernelOnly,
            ...(mode === "userspace" ? [] : masquerading),
            ...(mode === "ipvs" ? kernelOnlyInIpvs : []),
          ]),
          "not used, since the kernel forwards nothing here",
        )),
  ];
}
