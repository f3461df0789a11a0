import { z } from "zod";
import { tryParseCidr } from "../../net/cidr.ts";
import { tryParseIp } from "../../net/ip.ts";
import { tryParseBindAddress, withPort } from "./bind-address.ts";
import { GO_DURATION, parseGoDuration } from "./go-duration.ts";

/** The version of the file's format, and the only one: kube-proxy serves no other. */
export const API_VERSION = "kubeproxy.config.k8s.io/v1alpha1";
export const KIND = "KubeProxyConfiguration";

/** A field that may be left out or null, which is the same in Go. @param byDefault what it is then. */
function field<T extends z.ZodType>(type: T, description: string, byDefault?: unknown) {
  return type.nullish().meta({ description, ...(byDefault === undefined ? {} : { default: byDefault }) });
}

const text = z.string();
const flag = z.boolean();
const count = z.int32().min(0);
const bit = z.int32().min(0).max(31);
const durationError = { error: 'a duration such as "30s" or "1m30s", not negative' };
const duration = z
  .string()
  .regex(GO_DURATION, durationError)
  .refine((it) => parseGoDuration(it) !== undefined, durationError);
const range = z.string().refine((it) => tryParseCidr(it) !== undefined, { error: "a range such as 10.0.0.0/8" });
const nodePortRange = z.string().refine((it) => it === "primary" || tryParseCidr(it) !== undefined, {
  error: 'a range such as 10.0.0.0/8, or "primary" alone',
});
const address = z.string().refine((it) => it === "" || tryParseIp(it) !== undefined, { error: "an IP address" });
const bindAddress = z.string().refine((it) => it === "" || tryParseBindAddress(withPort(it, 1)) !== undefined, {
  error: "IP:port, with a port in 1…65535",
});

const PERIOD =
  "How often what was programmed is looked over and repaired; a failed sync is tried again by then. More than 0.";
const MIN_PERIOD = "From the end of a sync to the start of the next at least this long, however much changes.";
const BIT = "Which bit of the packet mark asks for masquerading.";
const ALL = "Masquerade all traffic to cluster IPs, wherever it comes from.";
const KEEPS = "0s leaves the kernel's own.";

const clientConnection = z.strictObject({
  kubeconfig: field(text, "Path of the kubeconfig.", ""),
  acceptContentTypes: field(text, "Accept header of requests.", ""),
  contentType: field(text, "Content type of requests.", "application/vnd.kubernetes.protobuf"),
  qps: field(z.number(), "Requests a second.", 5),
  burst: field(count, "Requests at once beyond that.", 10),
});

const infoBuffer = field(z.union([text, z.number()], { error: "a quantity" }), "Size of a buffer for messages.", "0");
const logging = z.strictObject({
  format: field(text, "Form of log messages.", "text"),
  flushFrequency: field(
    z.union([duration, z.int().min(0)], { error: "a duration, or nanoseconds" }),
    "When logs are flushed.",
    "5s",
  ),
  verbosity: field(count, "How much is logged.", 0),
  vmodule: field(z.array(z.looseObject({})), "How much some files log.", []),
  options: field(
    z.strictObject({
      text: field(
        z.strictObject({ splitStream: field(flag, "Errors apart.", false), infoBufferSize: infoBuffer }),
        "Of format text.",
      ),
      json: field(
        z.strictObject({ splitStream: field(flag, "Errors apart.", false), infoBufferSize: infoBuffer }),
        "Of format json.",
      ),
    }),
    "Options of the forms.",
  ),
});

const iptables = z.strictObject({
  masqueradeBit: field(bit, `${BIT} Mode ipvs uses it too.`, 14),
  masqueradeAll: field(flag, `${ALL} Mode ipvs uses it too.`, false),
  localhostNodePorts: field(flag, "Node ports answer on 127.0.0.0/8 too; IPv4, mode iptables.", true),
  syncPeriod: field(duration, `${PERIOD} Mode userspace uses it too.`, "30s"),
  minSyncPeriod: field(duration, `${MIN_PERIOD} 0s is 1s. Mode userspace uses it too.`, "1s"),
});

const ipvs = z.strictObject({
  syncPeriod: field(duration, PERIOD, "30s"),
  minSyncPeriod: field(duration, MIN_PERIOD, "0s"),
  scheduler: field(text, "A scheduler of the kernel; empty: rr.", ""),
  excludeCIDRs: field(z.array(range), "Virtual servers in these ranges are left alone.", []),
  strictARP: field(flag, "No answer to ARP for addresses of kube-ipvs0.", false),
  tcpTimeout: field(duration, `An idle TCP connection is forgotten after this long; ${KEEPS}`, "0s"),
  tcpFinTimeout: field(duration, `The same after a FIN; ${KEEPS}`, "0s"),
  udpTimeout: field(duration, `An idle UDP flow is forgotten after this long; ${KEEPS}`, "0s"),
});

const nftables = z.strictObject({
  masqueradeBit: field(bit, BIT, 14),
  masqueradeAll: field(flag, ALL, false),
  syncPeriod: field(duration, PERIOD, "30s"),
  minSyncPeriod: field(duration, `${MIN_PERIOD} 0s is 1s.`, "1s"),
});

const conntrack = z.strictObject({
  maxPerCore: field(count, "Connections tracked a processor; 0: the limit is left as it is.", 32_768),
  min: field(count, "Connections tracked at least.", 131_072),
  tcpEstablishedTimeout: field(duration, `An idle TCP connection is forgotten after this long; ${KEEPS}`, "24h0m0s"),
  tcpCloseWaitTimeout: field(duration, `The same in state CLOSE_WAIT; ${KEEPS}`, "1h0m0s"),
  tcpBeLiberal: field(flag, "Packets outside of the TCP window are not invalid.", false),
  udpTimeout: field(duration, `An unanswered UDP flow is forgotten after this long; ${KEEPS}`, "0s"),
  udpStreamTimeout: field(duration, `The same for an answered one; ${KEEPS}`, "0s"),
});

const winkernel = z.strictObject({
  networkName: field(text, "Windows.", ""),
  sourceVip: field(text, "Windows.", ""),
  enableDSR: field(flag, "Windows.", false),
  rootHnsEndpointName: field(text, "Windows.", ""),
  forwardHealthCheckVip: field(flag, "Windows.", false),
});

const detectLocal = z.strictObject({
  bridgeInterface: field(text, "The bridge; of detectLocalMode BridgeInterface.", ""),
  interfaceNamePrefix: field(text, "The prefix; of detectLocalMode InterfaceNamePrefix.", ""),
});

/**
 * The file that kube-proxy's `--config` names, as kube-proxy 1.36 reads it, with what 1.25 read for its userspace mode.
 * Each field by itself; how they go together is `checkConfig`'s business.
 */
export const configSchema = z
  .strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal(KIND),
    featureGates: field(z.record(text, flag), "Gates of Kubernetes, by name.", {}),
    clientConnection: field(clientConnection, "The connection to the API server. Nothing here makes one."),
    logging: field(logging, "Only the defaults work."),
    hostnameOverride: field(text, "Which Node this is; empty: the one named like the host.", ""),
    bindAddress: field(
      address,
      "The node's own address; 0.0.0.0 or ::: the Node object's. Mode userspace binds it.",
      "0.0.0.0",
    ),
    healthzBindAddress: field(bindAddress, "Where /healthz and /livez are served.", "0.0.0.0:10256"),
    metricsBindAddress: field(bindAddress, "Where metrics are served.", "127.0.0.1:10249"),
    bindAddressHardFail: field(
      flag,
      "Whether to end when one of these two cannot be served; if not, it is tried every 5 s.",
      false,
    ),
    enableProfiling: field(flag, "Only false works.", false),
    showHiddenMetricsForVersion: field(text, "Only the default works.", ""),
    mode: field(
      z.enum(["", "userspace", "iptables", "ipvs", "nftables"]),
      "How a backend is chosen; empty: iptables.",
      "iptables",
    ),
    iptables: field(iptables, "Of mode iptables."),
    ipvs: field(ipvs, "Of mode ipvs."),
    nftables: field(nftables, "Of mode nftables."),
    winkernel: field(winkernel, "Windows: only the defaults work."),
    detectLocalMode: field(
      z.enum(["", "ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"]),
      "How traffic of the node's own pods is told from other traffic; empty: ClusterCIDR.",
      "ClusterCIDR",
    ),
    detectLocal: field(detectLocal, "Of detectLocalMode."),
    clusterCIDR: field(
      text,
      "The pods' range, or one of each family with a comma; of detectLocalMode ClusterCIDR.",
      "",
    ),
    nodePortAddresses: field(
      z.array(nodePortRange),
      'Ranges whose local addresses answer node ports, or "primary"; empty: all, in mode nftables "primary".',
      [],
    ),
    oomScoreAdj: field(
      z.int32().min(-1000).max(1000),
      "How likely the kernel ends this process when memory is short.",
      -999,
    ),
    conntrack: field(conntrack, "Of the kernel's connection tracking."),
    configSyncPeriod: field(duration, "How often objects are fetched anew. More than 0.", "15m0s"),
    portRange: field(text, "Mode userspace: ports for the proxy to accept at; empty: any.", ""),
    udpIdleTimeout: field(duration, "Mode userspace: a UDP flow is forgotten after this long. More than 0.", "250ms"),
    windowsRunAsService: field(flag, "Windows: only false works.", false),
  })
  .meta({ title: KIND, description: "Configuration of kube-proxy, as far as it can be honoured here." });

/** The format of the file as JSON Schema, draft 2020-12. */
export function configJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configSchema, { io: "input" });
}
