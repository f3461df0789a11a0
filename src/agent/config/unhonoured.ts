import { isDeepStrictEqual } from "node:util";
import { defaults } from "./complete.ts";
import type { ConfigMode, KubeProxyConfiguration } from "./config.ts";
import type { Objection } from "./objection.ts";
import { valueAt } from "./objection.ts";

/** Fields that work only as they are by default, and why. A section stands for all its fields. */
interface Limit {
  readonly fields: readonly string[];
  readonly because: string;
  /** In which modes; absent: in all. */
  readonly modes?: readonly ConfigMode[];
}

const limits: readonly Limit[] = [
  { fields: ["enableProfiling"], because: "there is no profile to serve" },
  { fields: ["showHiddenMetricsForVersion"], because: "no metric is hidden" },
  {
    fields: [
      "logging.format",
      "logging.flushFrequency",
      "logging.verbosity",
      "logging.vmodule",
      "logging.options.text.splitStream",
      "logging.options.text.infoBufferSize",
      "logging.options.json.splitStream",
      "logging.options.json.infoBufferSize",
    ],
    because: "the log has one form and one level",
  },
  {
    fields: [
      "winkernel.networkName",
      "winkernel.sourceVip",
      "winkernel.enableDSR",
      "winkernel.rootHnsEndpointName",
      "winkernel.forwardHealthCheckVip",
      "windowsRunAsService",
    ],
    because: "this is no Windows",
  },
  {
    fields: ["portRange", "udpIdleTimeout"],
    because: "only mode userspace has it",
    modes: ["iptables", "ipvs", "nftables"],
  },
  { fields: ["nodePortAddresses"], because: "mode userspace takes node ports at all addresses", modes: ["userspace"] },
];

/** A field that kube-proxy would honour and that is not honoured here, unless it is as by default. */
export function checkHonoured(config: KubeProxyConfiguration): Objection | undefined {
  for (const { fields, because, modes } of limits) {
    if (modes?.includes(config.mode) === false) continue;
    const field = fields.find((one) => !isDefault(config, one));
    if (field !== undefined)
      return { field, expected: `its default, ${JSON.stringify(valueAt(defaults, field))}: ${because}` };
  }
  return undefined;
}

/** Whether a field, or a whole section, is as kube-proxy has it where it is left out. */
export function isDefault(config: KubeProxyConfiguration, field: string): boolean {
  // A quantity may be a number as well as a text.
  const [value, byDefault] = [config, defaults].map((one) => {
    const it = valueAt(one, field);
    return typeof it === "number" ? String(it) : it;
  });
  return isDeepStrictEqual(value, byDefault);
}
