import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type KubeProxyConfiguration } from "../../../src/agent/config/config.ts";
import { loadConfig, readConfig } from "../../../src/agent/config/read.ts";
import { defaults } from "../../../src/agent/config/complete.ts";
import { configJsonSchema } from "../../../src/agent/config/schema.ts";
import { type ErrorDetails, isSluiceError } from "../../../src/core/errors.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

const test = suite("configuration file");

const head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

function read(fields: string): KubeProxyConfiguration {
  return readConfig(head + fields, "config.yaml");
}

const recorded = readdirSync(inProject("test", "golden"), { recursive: true, encoding: "utf8" })
  .filter((file) => basename(file) === "config.yaml")
  .map((file) => join(inProject("test", "golden"), file));

test("every configuration that kube-proxy was recorded with loads", async () => {
  assert.ok(recorded.length > 170, `${recorded.length} files`);
  for (const file of recorded) {
    const config = await loadConfig(file);
    const raw = readFileSync(file, "utf8");
    assert.equal(config.mode, /^mode: (\w+)$/m.exec(raw)?.[1] ?? "iptables", dirname(file));
    assert.equal(config.clusterCIDR, /^clusterCIDR: "(.*)"$/m.exec(raw)?.[1], dirname(file));
  }
});

test("a file that says nothing is kube-proxy's defaults", () => {
  assert.deepEqual(read(""), defaults);
});

test("what kubeadm writes, zeros and nulls, is kube-proxy's defaults", () => {
  const config = read(`
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: /var/lib/kube-proxy/kubeconfig.conf, qps: 0}
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack: {maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s}
detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}, verbosity: 0}
metricsBindAddress: ""
mode: ""
nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
windowsRunAsService: false
winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
`);
  const { clusterCIDR, clientConnection, ...others } = config;
  const { clusterCIDR: _none, clientConnection: _default, ...rest } = defaults;
  assert.deepEqual(others, rest);
  assert.equal(clusterCIDR, "10.244.0.0/16");
  assert.equal(clientConnection.kubeconfig, "/var/lib/kube-proxy/kubeconfig.conf");
});

test("the configuration in force, written as JSON, reads as itself", () => {
  for (const mode of ["userspace", "iptables", "ipvs", "nftables"] as const) {
    const config = read(`mode: ${mode}\nconntrack: {maxPerCore: 0, udpTimeout: 90s}\n`);
    assert.deepEqual(readConfig(JSON.stringify(config), "config.json"), config);
    assert.equal(config.conntrack.udpTimeout, "1m30s");
    assert.equal(config.conntrack.maxPerCore, 0);
  }
});

test("addresses get the ports that they lack, and the family of bindAddress", () => {
  const of = (fields: string): readonly string[] => {
    const { healthzBindAddress, metricsBindAddress } = read(fields);
    return [healthzBindAddress, metricsBindAddress];
  };
  assert.deepEqual(of(""), ["0.0.0.0:10256", "127.0.0.1:10249"]);
  assert.deepEqual(of('bindAddress: "::"'), ["[::]:10256", "[::1]:10249"]);
  assert.deepEqual(of("healthzBindAddress: 10.0.0.1\nmetricsBindAddress: fd00::1"), [
    "10.0.0.1:10256",
    "[fd00::1]:10249",
  ]);
  assert.deepEqual(of("healthzBindAddress: 10.0.0.1:1\nmetricsBindAddress: '[::]:2'"), ["10.0.0.1:1", "[::]:2"]);
});

test("mode nftables answers node ports at the node's own addresses, unless it is told otherwise", () => {
  assert.deepEqual(read("mode: nftables").nodePortAddresses, ["primary"]);
  assert.deepEqual(read("mode: nftables\nnodePortAddresses: [10.0.0.0/8]").nodePortAddresses, ["10.0.0.0/8"]);
  assert.deepEqual(read("mode: iptables").nodePortAddresses, []);
});

function invalidity(text: string, file = "config.yaml"): ErrorDetails["INPUT_INVALID"] {
  try {
    readConfig(text, file);
  } catch (error) {
    if (isSluiceError(error, "INPUT_INVALID")) return error.details;
    throw error;
  }
  return assert.fail(`was read: ${text}`);
}

const rangeOrPair = "a range, or one of each family with a comma between";
const duration = 'a duration such as "30s" or "1m30s", not negative';

/** `▸` stands before what is wrong; what comes before these fields are apiVersion and kind. */
const wrongs: readonly (readonly [marked: string, field: string, expected: string | RegExp])[] = [
  // Unknown fields.
  ["▸masqueradeAll: true", "masqueradeAll", "a known field; perhaps iptables.masqueradeAll was meant"],
  ["iptables: {masqueradeAl: ▸true}", "iptables.masqueradeAl", "a known field; perhaps masqueradeAll was meant"],
  ["hostNameOveride: ▸a", "hostNameOveride", "a known field; perhaps hostnameOverride was meant"],
  ["iptables: {snatNodeInternalIP: ▸true}", "iptables.snatNodeInternalIP", "a known field"],
  ["ipvs: {ipSet: ▸{}}", "ipvs.ipSet", "a known field"],
  ["winkernel: {what: ▸1}", "winkernel.what", "a known field"],
  // Types.
  ["mode: ▸1", "mode", 'one of "", "userspace", "iptables", "ipvs", "nftables"'],
  ["mode: ▸kernelspace", "mode", 'one of "", "userspace", "iptables", "ipvs", "nftables"'],
  ["iptables: ▸[]", "iptables", "a map"],
  ["iptables: {masqueradeAll: ▸yes}", "iptables.masqueradeAll", "true or false"],
  ["iptables: {masqueradeBit: ▸1.5}", "iptables.masqueradeBit", "a whole number"],
  ["iptables: {masqueradeBit: ▸32}", "iptables.masqueradeBit", "a number of at most 31"],
  ["nftables: {masqueradeBit: ▸-1}", "nftables.masqueradeBit", "a number of at least 0"],
  ["nodePortAddresses: ▸10.0.0.0/8", "nodePortAddresses", "a list"],
  ["hostnameOverride: ▸7", "hostnameOverride", "a text"],
  ["featureGates: {A: ▸1}", "featureGates.A", "true or false"],
  ["clientConnection: {burst: ▸-1}", "clientConnection.burst", "a number of at least 0"],
  ["logging: {flushFrequency: ▸soon}", "logging.flushFrequency", duration],
  ["logging: {flushFrequency: ▸true}", "logging.flushFrequency", "a duration, or nanoseconds"],
  ["logging: {flushFrequency: ▸6000000000}", "logging.flushFrequency", /^its default, "5s"/],
  ["oomScoreAdj: ▸-1001", "oomScoreAdj", "a number of at least -1000"],
  ["oomScoreAdj: ▸1001", "oomScoreAdj", "a number of at most 1000"],
  ["conntrack: {min: ▸-1}", "conntrack.min", "a number of at least 0"],
  ["conntrack: {maxPerCore: ▸2147483648}", "conntrack.maxPerCore", "a number of at most 2147483647"],
  // Durations.
  ["iptables: {syncPeriod: ▸30}", "iptables.syncPeriod", "a text"],
  ['iptables: {syncPeriod: ▸"30"}', "iptables.syncPeriod", duration],
  ["configSyncPeriod: ▸-1s", "configSyncPeriod", duration],
  ["conntrack: {udpTimeout: ▸1d}", "conntrack.udpTimeout", duration],
  ["ipvs: {tcpTimeout: ▸9999999999h}", "ipvs.tcpTimeout", duration],
  // Addresses and ranges.
  ["bindAddress: ▸node-a", "bindAddress", "an IP address"],
  ["bindAddress: ▸10.10.12.11:2000", "bindAddress", "an IP address"],
  ["healthzBindAddress: ▸localhost:80", "healthzBindAddress", "IP:port, with a port in 1…65535"],
  ["healthzBindAddress: ▸0.0.0.0:0", "healthzBindAddress", "IP:port, with a port in 1…65535"],
  ["metricsBindAddress: ▸127.0.0.1:65536", "metricsBindAddress", "IP:port, with a port in 1…65535"],
  ["metricsBindAddress: ▸:10249", "metricsBindAddress", "IP:port, with a port in 1…65535"],
  ["nodePortAddresses: [10.0.0.0/8, ▸all]", "nodePortAddresses[1]", 'a range such as 10.0.0.0/8, or "primary" alone'],
  ["nodePortAddresses: [10.0.0.0/8, ▸primary]", "nodePortAddresses[1]", 'ranges, or "primary" alone'],
  ["ipvs: {excludeCIDRs: [▸10.0.0.1]}", "ipvs.excludeCIDRs[0]", "a range such as 10.0.0.0/8"],
  ["clusterCIDR: ▸10.0.0.1", "clusterCIDR", rangeOrPair],
  ["clusterCIDR: ▸10.0.0.0/8,10.1.0.0/16", "clusterCIDR", rangeOrPair],
  ["clusterCIDR: ▸10.0.0.0/8,fd00::/64,10.1.0.0/16", "clusterCIDR", rangeOrPair],
  ["clusterCIDR: ▸'10.0.0.0/8, fd00::/64'", "clusterCIDR", rangeOrPair],
  // Fields that do not go together.
  ["iptables: {syncPeriod: 1s, minSyncPeriod: ▸2s}", "iptables.minSyncPeriod", "at most iptables.syncPeriod, 1s"],
  ["mode: ipvs\nipvs: {minSyncPeriod: ▸31s}", "ipvs.minSyncPeriod", "at most ipvs.syncPeriod, 30s"],
  ["mode: nftables\nnftables: {syncPeriod: ▸500ms}", "nftables.minSyncPeriod", "at most nftables.syncPeriod, 500ms"],
  [
    "iptables: {syncPeriod: 3h, minSyncPeriod: ▸2h}",
    "iptables.minSyncPeriod",
    "at most 1h0m0s, when everything is synced anew",
  ],
  [
    "detectLocalMode: BridgeInterface\ndetectLocal: ▸{}",
    "detectLocal.bridgeInterface",
    /^the name of an interface, at most 15/,
  ],
  [
    "detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: ▸cni+}",
    "detectLocal.bridgeInterface",
    /^the name of an interface/,
  ],
  [
    "detectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: ▸fifteen-letters}",
    "detectLocal.interfaceNamePrefix",
    "the name of an interface, at most 14 characters",
  ],
  ["detectLocalMode: ▸Pods", "detectLocalMode", /^one of "", "ClusterCIDR"/],
  // What is not honoured.
  ["enableProfiling: ▸true", "enableProfiling", "its default, false: there is no profile to serve"],
  ['showHiddenMetricsForVersion: ▸"1.35"', "showHiddenMetricsForVersion", 'its default, "": no metric is hidden'],
  ["logging: {format: ▸json}", "logging.format", /^its default, "text"/],
  ["logging: {verbosity: ▸2}", "logging.verbosity", /^its default, 0/],
  ["logging: {vmodule: ▸[{filePattern: a, verbosity: 1}]}", "logging.vmodule", /^its default, \[\]/],
  ["logging: {options: {text: {splitStream: ▸true}}}", "logging.options.text.splitStream", /^its default, false/],
  ["winkernel: {enableDSR: ▸true}", "winkernel.enableDSR", "its default, false: this is no Windows"],
  ["winkernel: {networkName: ▸n}", "winkernel.networkName", 'its default, "": this is no Windows'],
  ["windowsRunAsService: ▸true", "windowsRunAsService", "its default, false: this is no Windows"],
  ["portRange: ▸1-2", "portRange", 'its default, "": only mode userspace has it'],
  ["mode: ipvs\nudpIdleTimeout: ▸1s", "udpIdleTimeout", 'its default, "250ms": only mode userspace has it'],
  ["mode: userspace\nnodePortAddresses: ▸[10.0.0.0/8]", "nodePortAddresses", /^its default, \[\]/],
  [
    "featureGates: {AllowServiceExternalIp: ▸false}",
    "featureGates.AllowServiceExternalIp",
    /perhaps AllowServiceExternalIPs/,
  ],
  [
    "featureGates: {KubeProxyNFTablesLocalhostNodePorts: ▸true}",
    "featureGates.KubeProxyNFTablesLocalhostNodePorts",
    /^false, the one/,
  ],
  ["featureGates: {NFTableProxyMode: ▸true}", "featureGates.NFTableProxyMode", /perhaps NFTablesProxyMode was meant/],
  // What the compilers have limits for.
  ["mode: userspace\nportRange: ▸2-1", "portRange", /^ports such as/],
  ["mode: userspace\nbindAddress: ▸127.0.0.1", "bindAddress", /^an IPv4 address that is not loopback/],
  ["mode: ipvs\nipvs: {scheduler: ▸best}", "ipvs.scheduler", /^one of rr, wrr/],
  ["mode: ipvs\nipvs: {udpTimeout: ▸600h}", "ipvs.udpTimeout", /^a whole number of seconds in 0…2147483/],
];

for (const [marked, field, expected] of wrongs) {
  test(`is refused by name: ${marked.replace("▸", "").replaceAll("\n", ", ")}`, () => {
    const whole = head + marked;
    const offset = whole.indexOf("▸");
    const before = whole.slice(0, offset).split("\n");
    const found = invalidity(whole.replace("▸", ""));
    assert.equal(found.field, field);
    if (typeof expected === "string") assert.equal(found.expected, expected);
    else assert.match(found.expected, expected);
    assert.deepEqual([found.file, found.line], ["config.yaml", before.length]);
  });
}

test("a file of another kind, another version or without them is refused for that, before its fields", () => {
  const other = (text: string): readonly string[] => {
    const { field, expected, received } = invalidity(text);
    return [field, expected, received];
  };
  assert.deepEqual(other("kind: KubeletConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nport: 1\n"), [
    "kind",
    "KubeProxyConfiguration",
    '"KubeletConfiguration"',
  ]);
  const version = "kubeproxy.config.k8s.io/v1alpha1, the one version that there is";
  assert.deepEqual(other("what: 1\nkind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha2\n"), [
    "apiVersion",
    version,
    '"kubeproxy.config.k8s.io/v1alpha2"',
  ]);
  assert.deepEqual(other("mode: iptables\n"), ["apiVersion", version, "nothing"]);
});

test("text that is no document, or more than one, is refused where it goes wrong", () => {
  assert.deepEqual(invalidity(`${head}mode: iptables\n---\n${head}`).line, 5);
  assert.equal(invalidity("# nothing\n").received, "a text without content");
  assert.equal(invalidity("[]\n").expected, "a map");
  assert.equal(invalidity("{", "config.json").expected, 'a key in double quotes or "}"');
  assert.equal(invalidity(`${head}mode: ipvs\nmode: iptables\n`).expected, "a key that the map does not have yet");
});

test("the position is that of the field, in JSON as in YAML", () => {
  const json = `{"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",\n "ipvs": {"udpTimeout": 5}}`;
  const { line, column, field, received } = invalidity(json, "config.json");
  assert.deepEqual([line, column, field, received], [2, 25, "ipvs.udpTimeout", "5"]);
});

test("a file that is not there is unreadable", async () => {
  await assert.rejects(loadConfig("/nowhere/config.yaml"), (error) => isSluiceError(error, "INPUT_UNREADABLE"));
});

interface JsonSchema {
  readonly $schema?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly anyOf?: readonly JsonSchema[];
}

/** Every field with what the schema says of it, by its path. */
function fieldsOf(schema: JsonSchema, path: string): (readonly [string, JsonSchema])[] {
  const sections = [schema, ...(schema.anyOf ?? [])];
  return sections.flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([key, field]) => {
      const at = path === "" ? key : `${path}.${key}`;
      return [[at, field] as const].concat(fieldsOf(field, at));
    }),
  );
}

test("the JSON Schema describes every field, with the default that it has", () => {
  const schema = configJsonSchema() as JsonSchema;
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  const fields = fieldsOf(schema, "").filter(([path]) => path !== "apiVersion" && path !== "kind");
  assert.ok(fields.length >= 72, `${fields.length} fields`);
  for (const [path, field] of fields) {
    assert.ok((field.description ?? "") !== "", `${path} has a description`);
    if (field.default === undefined) continue;
    const value = path.split(".").reduce<unknown>((it, key) => (it as Record<string, unknown>)[key], defaults);
    assert.deepEqual(field.default, value, path);
  }
  const sections = fields.filter(([, { default: byDefault }]) => byDefault === undefined).map(([path]) => path);
  assert.deepEqual(sections.toSorted(), [
    "clientConnection",
    "conntrack",
    "detectLocal",
    "iptables",
    "ipvs",
    "logging",
    "logging.options",
    "logging.options.json",
    "logging.options.text",
    "nftables",
    "winkernel",
  ]);
});
