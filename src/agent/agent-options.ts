import { cpus, release } from "node:os";
import type { Model } from "../model/model.ts";
import type { Ip } from "../net/ip.ts";
import type { AgentOptions } from "./agent.ts";
import type { KubeProxyConfiguration } from "./config/config.ts";
import { allowsExternalIps } from "./config/feature-gates.ts";
import { hostPlanOf } from "./config/host-plan.ts";
import { type HostFindings, nodeAddressOf, programOptionsOf, withNodeAddress } from "./config/program-options.ts";
import { createViewWithoutExternalIps } from "./config/without-external-ips.ts";

/**
 * What a configuration means for an agent on this host.
 *
 * @param addresses those of the host's interfaces; undefined: those of its Node object.
 * @param found what the rules of mode iptables go by.
 */
export function agentOptionsOf(
  config: KubeProxyConfiguration,
  addresses: (() => readonly Ip[]) | undefined,
  found: HostFindings = {},
): Omit<AgentOptions, "dataplane" | "viewModel"> & Required<Pick<AgentOptions, "viewModel">> {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  const { sysctls, conntrackBuckets } = hostPlanOf(config, { cpus: cpus().length, kernel: { major, minor } });
  return {
    mode: config.mode,
    programOptions: programOptionsOf(config, found),
    viewModel: hostView(config, addresses),
    host: { sysctls: sysctls.map(({ name, value }) => ({ path: name.replaceAll(".", "/"), value })), conntrackBuckets },
  };
}

/** The host's own addresses are its interfaces', whatever its Node object says; `bindAddress` is the node's own. */
function hostView(
  config: KubeProxyConfiguration,
  addresses: (() => readonly Ip[]) | undefined,
): (model: Model) => Model {
  const own = nodeAddressOf(config);
  const served = allowsExternalIps(config) ? (model: Model): Model => model : createViewWithoutExternalIps();
  return (model) => {
    const node = addresses === undefined ? model.node : { ...model.node, addresses: addresses() };
    return withNodeAddress({ ...served(model), node }, own);
  };
}
