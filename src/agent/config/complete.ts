import { familyOf, parseIp } from "../../net/ip.ts";
import { withPort } from "./bind-address.ts";
import type { ConfigFile, KubeProxyConfiguration } from "./config.ts";
import { formatGoDuration, parseGoDuration } from "./go-duration.ts";
import { API_VERSION, KIND } from "./schema.ts";

const HEALTHZ_PORT = 10_256;
const METRICS_PORT = 10_249;

/** What kube-proxy 1.36 takes for a field that is left out; `udpIdleTimeout` is 1.25's. */
export const defaults: KubeProxyConfiguration = Object.freeze({
  apiVersion: API_VERSION,
  kind: KIND,
  featureGates: {},
  clientConnection: {
    kubeconfig: "",
    acceptContentTypes: "",
    contentType: "application/vnd.kubernetes.protobuf",
    qps: 5,
    burst: 10,
  },
  logging: {
    format: "text",
    flushFrequency: "5s",
    verbosity: 0,
    vmodule: [],
    options: { text: { splitStream: false, infoBufferSize: "0" }, json: { splitStream: false, infoBufferSize: "0" } },
  },
  hostnameOverride: "",
  bindAddress: "0.0.0.0",
  healthzBindAddress: `0.0.0.0:${HEALTHZ_PORT}`,
  metricsBindAddress: `127.0.0.1:${METRICS_PORT}`,
  bindAddressHardFail: false,
  enableProfiling: false,
  showHiddenMetricsForVersion: "",
  mode: "iptables",
  iptables: {
    masqueradeBit: 14,
    masqueradeAll: false,
    localhostNodePorts: true,
    syncPeriod: "30s",
    minSyncPeriod: "1s",
  },
  ipvs: {
    syncPeriod: "30s",
    minSyncPeriod: "0s",
    scheduler: "",
    excludeCIDRs: [],
    strictARP: false,
    tcpTimeout: "0s",
    tcpFinTimeout: "0s",
    udpTimeout: "0s",
  },
  nftables: { masqueradeBit: 14, masqueradeAll: false, syncPeriod: "30s", minSyncPeriod: "1s" },
  winkernel: {
    networkName: "",
    sourceVip: "",
    enableDSR: false,
    rootHnsEndpointName: "",
    forwardHealthCheckVip: false,
  },
  detectLocalMode: "ClusterCIDR",
  detectLocal: { bridgeInterface: "", interfaceNamePrefix: "" },
  clusterCIDR: "",
  nodePortAddresses: [],
  oomScoreAdj: -999,
  conntrack: {
    maxPerCore: 32_768,
    min: 131_072,
    tcpEstablishedTimeout: "24h0m0s",
    tcpCloseWaitTimeout: "1h0m0s",
    tcpBeLiberal: false,
    udpTimeout: "0s",
    udpStreamTimeout: "0s",
  },
  configSyncPeriod: "15m0s",
  portRange: "",
  udpIdleTimeout: "250ms",
  windowsRunAsService: false,
});

/** Fields of which an empty text, 0 or 0s stands for the default too: those that are no pointers in Go. */
const zeroIsUnset: ReadonlySet<string> = new Set([
  "clientConnection.contentType",
  "clientConnection.qps",
  "clientConnection.burst",
  "logging.format",
  "logging.flushFrequency",
  "bindAddress",
  "mode",
  "detectLocalMode",
  "iptables.syncPeriod",
  "iptables.minSyncPeriod",
  "ipvs.syncPeriod",
  "nftables.syncPeriod",
  "nftables.minSyncPeriod",
  "configSyncPeriod",
  "udpIdleTimeout",
]);

const durations: ReadonlySet<string> = new Set([
  ...[...zeroIsUnset].filter((path) => path.endsWith("Period")),
  "logging.flushFrequency",
  "udpIdleTimeout",
  "ipvs.minSyncPeriod",
  "ipvs.tcpTimeout",
  "ipvs.tcpFinTimeout",
  "ipvs.udpTimeout",
  "conntrack.tcpEstablishedTimeout",
  "conntrack.tcpCloseWaitTimeout",
  "conntrack.udpTimeout",
  "conntrack.udpStreamTimeout",
]);

/** Fills in whatever a file leaves out, as kube-proxy does. @param file checked field by field. */
export function completeConfig(file: ConfigFile): KubeProxyConfiguration {
  const config = filled(file, defaults, "") as KubeProxyConfiguration;
  const v6 = familyOf(parseIp(config.bindAddress)) === 6;
  return {
    ...config,
    healthzBindAddress: withPort(file.healthzBindAddress || (v6 ? "::" : "0.0.0.0"), HEALTHZ_PORT),
    metricsBindAddress: withPort(file.metricsBindAddress || (v6 ? "::1" : "127.0.0.1"), METRICS_PORT),
    nodePortAddresses:
      config.mode === "nftables" && config.nodePortAddresses.length === 0 ? ["primary"] : config.nodePortAddresses,
  };
}

function filled(given: unknown, byDefault: unknown, path: string): unknown {
  if (isSection(byDefault) && path !== "featureGates") {
    const fields = (given ?? {}) as Readonly<Record<string, unknown>>;
    const entries = Object.entries(byDefault).map(([key, inner]) => {
      return [key, filled(fields[key], inner, path === "" ? key : `${path}.${key}`)];
    });
    return Object.fromEntries(entries);
  }
  const value = given !== undefined && durations.has(path) ? canonical(given) : given;
  const zero = value === "" || value === 0 || value === "0s";
  return value === undefined || value === null || (zero && zeroIsUnset.has(path)) ? byDefault : value;
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The one way in which Go writes a duration; a number is one in nanoseconds. Null stays. */
function canonical(value: unknown): unknown {
  if (typeof value === "number") return formatGoDuration(BigInt(value));
  return typeof value === "string" ? formatGoDuration(parseGoDuration(value)!) : value;
}
