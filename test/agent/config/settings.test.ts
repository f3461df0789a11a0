import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { ConfigMode, KubeProxyConfiguration } from "../../../src/agent/config/config.ts";
import { doubtsAbout } from "../../../src/agent/config/doubts.ts";
import { type HostFacts, hostPlanOf } from "../../../src/agent/config/host-plan.ts";
import { configNotes } from "../../../src/agent/config/notes.ts";
import { nodeAddressOf, programOptionsOf, withNodeAddress } from "../../../src/agent/config/program-options.ts";
import { readConfig } from "../../../src/agent/config/read.ts";
import { syncIntervals } from "../../../src/agent/config/sync-intervals.ts";
import { buildModel } from "../../../src/model/build.ts";
import { emptySnapshot } from "../../../src/cluster/state.ts";
import { formatIp } from "../../../src/net/ip.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { readScenario, scenarioFolders, withAddresses } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

const test = suite("what a configuration means");

function read(fields: string): KubeProxyConfiguration {
  const head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
  return readConfig(head + fields, "config.yaml");
}

const scenarios = scenarioFolders(inProject("test", "golden", "kube-proxy"));

/** The configuration of a recording, in one of the modes that it was made in. */
function recordedConfig(folder: string, mode: ConfigMode): KubeProxyConfiguration {
  const file = join(folder, "config.yaml");
  return readConfig(readFileSync(file, "utf8").replace(/^mode: .*$/m, `mode: ${mode}`), file);
}

interface StateFile {
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly errors?: readonly string[];
}

function* recordings(): Generator<{ folder: string; mode: "iptables" | "nftables"; state: StateFile }> {
  for (const folder of scenarios) {
    for (const mode of ["iptables", "nftables"] as const) {
      const file = join(folder, "expected", `state.${mode}.json`);
      if (!existsSync(file)) continue;
      yield { folder, mode, state: JSON.parse(readFileSync(file, "utf8")) as StateFile };
    }
  }
}

test("the iptables compiler is told what the recordings' files say", () => {
  for (const folder of scenarios) {
    const { iptables } = programOptionsOf(recordedConfig(folder, "iptables"));
    const expected = readRecordedConfig(join(folder, "config.yaml")).iptables;
    const ranges = expected.detectLocal?.by === "cluster-cidr" ? expected.detectLocal.ranges : undefined;
    const same = ranges?.length === 0 ? { ...expected, detectLocal: { by: "none" } } : expected;
    assert.deepEqual(iptables, same, basename(folder));
  }
});

test("the iptables compiler is told what was found on the host", () => {
  const options = (fields: string, found: { nfacct?: boolean; tcpBeLiberal?: boolean }) => {
    const { nfacct, tcpBeLiberal } = programOptionsOf(read(`mode: iptables\n${fields}`), found).iptables!;
    return [nfacct, tcpBeLiberal];
  };
  assert.deepEqual(options("", {}), [undefined, false]);
  assert.deepEqual(options("", { nfacct: false, tcpBeLiberal: true }), [false, true]);
  assert.deepEqual(options("conntrack: {tcpBeLiberal: true}", { nfacct: true, tcpBeLiberal: false }), [
    undefined,
    true,
  ]);
});

test("each mode's compiler is told its own fields", () => {
  const ranges = "clusterCIDR: 10.244.0.0/16,fd00::/56\nnodePortAddresses: [10.0.0.0/8]\n";
  const detectLocal = { by: "cluster-cidr", ranges: ["10.244.0.0/16", "fd00::/56"] };
  const nodePortAddresses = ["10.0.0.0/8"];
  assert.deepEqual(
    programOptionsOf(read(`mode: nftables\n${ranges}nftables: {masqueradeBit: 3, masqueradeAll: true}`)),
    {
      nftables: { masqueradeBit: 3, masqueradeAll: true, detectLocal, nodePortAddresses },
    },
  );
  const around = "scheduler: lc, excludeCIDRs: [10.9.0.0/16], strictARP: true, tcpTimeout: 15m, udpTimeout: 1500ms";
  const masquerade = "iptables: {masqueradeBit: 5, masqueradeAll: true}";
  assert.deepEqual(programOptionsOf(read(`mode: ipvs\n${ranges}ipvs: {${around}}\n${masquerade}`)), {
    ipvs: {
      scheduler: "lc",
      nodePortAddresses,
      masqueradeBit: 5,
      masqueradeAll: true,
      detectLocal,
      excludeCIDRs: ["10.9.0.0/16"],
      strictARP: true,
      tcpTimeoutSeconds: 900,
      tcpFinTimeoutSeconds: 0,
      udpTimeoutSeconds: 1,
    },
  });
  assert.equal(programOptionsOf(read("mode: ipvs")).ipvs?.scheduler, "rr");
  assert.deepEqual(programOptionsOf(read("mode: userspace\nportRange: 36000-36009\nbindAddress: 192.168.10.5")), {
    userspace: { bindAddress: "192.168.10.5", portRange: "36000-36009" },
  });
  assert.deepEqual(programOptionsOf(read("mode: userspace")), { userspace: { bindAddress: "0.0.0.0" } });
});

test("bindAddress is the node's address of its family, unless it is none", () => {
  const model = buildModel(emptySnapshot, "node-a");
  const addresses = (bindAddress: string): readonly string[] => {
    const { node } = withNodeAddress(model, nodeAddressOf(read(`bindAddress: "${bindAddress}"`)));
    return [formatIp(node.ip4), formatIp(node.ip6)];
  };
  assert.deepEqual(addresses("0.0.0.0"), ["127.0.0.1", "::1"]);
  assert.deepEqual(addresses("::"), ["127.0.0.1", "::1"]);
  assert.deepEqual(addresses("10.0.0.1"), ["10.0.0.1", "::1"]);
  assert.deepEqual(addresses("fd00::1"), ["127.0.0.1", "fd00::1"]);
});

test("syncs come as often as kube-proxy's of the mode", () => {
  const periods = "{syncPeriod: 20s, minSyncPeriod: 100ms}";
  const of = (fields: string): readonly number[] => {
    const { minIntervalMs, maxIntervalMs, retryMs, firstRetryMs, healthTimeoutMs } = syncIntervals(read(fields));
    return [minIntervalMs, maxIntervalMs, retryMs, firstRetryMs, healthTimeoutMs];
  };
  assert.deepEqual(of(`iptables: ${periods}`), [100, 3_600_000, 20_000, 1000, 40_000]);
  assert.deepEqual(of(`mode: nftables\nnftables: ${periods}`), [100, 3_600_000, 20_000, 1000, 40_000]);
  assert.deepEqual(of(`mode: ipvs\nipvs: ${periods}`), [100, 20_000, 20_000, 1000, 40_000]);
  assert.deepEqual(of(`mode: userspace\niptables: ${periods}`), [100, 20_000, 20_000, 1000, 40_000]);
  assert.deepEqual(of("mode: ipvs"), [0, 30_000, 30_000, 1000, 60_000]);
  // Servers that drain are looked at every minute.
  assert.deepEqual(of("mode: ipvs\nipvs: {syncPeriod: 5m}"), [0, 60_000, 300_000, 1000, 600_000]);
  assert.deepEqual(of("mode: ipvs\nipvs: {syncPeriod: 5m, minSyncPeriod: 2m}").slice(0, 2), [120_000, 120_000]);
  assert.deepEqual(of("iptables: {syncPeriod: 500ms, minSyncPeriod: 1ms}"), [1, 3_600_000, 500, 500, 1000]);
});

const host: HostFacts = { cpus: 4, kernel: { major: 6, minor: 18 } };

test("the host is set to what the recordings found", () => {
  let compared = 0;
  for (const { folder, mode, state } of recordings()) {
    // What a fresh network namespace of the recording machine had, and 1 where kube-proxy sets it unasked.
    const found = new Map([
      ["net.ipv4.conf.all.route_localnet", mode === "iptables" ? "1" : "0"],
      ["net.netfilter.nf_conntrack_tcp_be_liberal", "0"],
      ["net.netfilter.nf_conntrack_tcp_timeout_established", "432000"],
      ["net.netfilter.nf_conntrack_tcp_timeout_close_wait", "60"],
      ["net.netfilter.nf_conntrack_udp_timeout", "30"],
      ["net.netfilter.nf_conntrack_udp_timeout_stream", "120"],
      ...Object.entries(state.sysctl ?? {}),
    ]);
    const fresh = new Map([
      ...found,
      ["net.ipv4.conf.all.route_localnet", "0"],
      ["net.netfilter.nf_conntrack_tcp_be_liberal", "0"],
    ]);
    for (const { name, value } of hostPlanOf(recordedConfig(folder, mode), host).sysctls)
      fresh.set(name, String(value));
    assert.deepEqual(fresh, found, `${basename(folder)} ${mode}`);
    compared += 1;
  }
  assert.ok(compared > 250, `${compared} compared`);
});

test("kube-proxy's doubts about the recordings' files are ours, word for word", () => {
  const said = (line: string): string | undefined =>
    /err="(.*)"$/s.exec(line.startsWith('E server.go] "Kube-proxy configuration may be') ? line : "")?.[1] ??
    /^E proxier\.go\] "(--nodeport-addresses includes .*)" ipFamily=/.exec(line)?.[1];
  let compared = 0;
  for (const { folder, mode, state } of recordings()) {
    const { stages, addresses } = readScenario(folder);
    const config = recordedConfig(folder, mode);
    const { node } = withAddresses(buildModel(stages[0]!.snapshot, config.hostnameOverride), addresses);
    const expected = (state.errors ?? []).map(said).filter((text) => text !== undefined);
    assert.deepEqual(doubtsAbout(config, node).toSorted(), expected.toSorted(), `${basename(folder)} ${mode}`);
    compared += expected.length;
  }
  assert.ok(compared >= 138, `${compared} doubts compared`);
});

test("doubts that no recording has: ranges of the other family alone", () => {
  const { node } = buildModel(emptySnapshot, "node-a");
  assert.deepEqual(doubtsAbout(read("clusterCIDR: fd00::/56\nnodePortAddresses: [0.0.0.0/0]"), node), [
    "cluster is IPv4-primary but clusterCIDRs contains only IPv6 addresses",
  ]);
  assert.deepEqual(
    doubtsAbout(read("bindAddress: fd00::1\nclusterCIDR: 10.0.0.0/8\nnodePortAddresses: ['::/0']"), node),
    ["cluster is IPv6-primary but clusterCIDRs contains only IPv4 addresses"],
  );
});

function conntrackMax(fields: string, cpus: number): readonly (number | undefined)[] {
  const { sysctls, conntrackBuckets } = hostPlanOf(read(`conntrack: ${fields}`), { ...host, cpus });
  return [sysctls.find(({ name }) => name === "net.netfilter.nf_conntrack_max")?.value, conntrackBuckets];
}

test("connections are tracked for every processor, at least `min`, and by the share at most 1048576", () => {
  assert.deepEqual(conntrackMax("{}", 1), [131_072, 32_768]);
  assert.deepEqual(conntrackMax("{}", 8), [262_144, 65_536]);
  assert.deepEqual(conntrackMax("{}", 33), [1_048_576, 262_144]);
  assert.deepEqual(conntrackMax("{maxPerCore: 0}", 8), [undefined, 0]);
  assert.deepEqual(conntrackMax("{min: 2000000}", 8), [2_000_000, 500_000]);
  assert.deepEqual(conntrackMax("{min: 2000000}", 33), [1_048_576, 262_144]);
});

test("times are set in whole seconds, and only when they are more than 0", () => {
  const { sysctls, oomScoreAdj } = hostPlanOf(
    read(
      "conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 1h0.9s, tcpCloseWaitTimeout: 0s, udpTimeout: 2s, udpStreamTimeout: 1m, tcpBeLiberal: true}\noomScoreAdj: 0",
    ),
    host,
  );
  assert.deepEqual(sysctls, [
    { name: "net.netfilter.nf_conntrack_tcp_timeout_established", value: 3600 },
    { name: "net.netfilter.nf_conntrack_tcp_be_liberal", value: 1 },
    { name: "net.netfilter.nf_conntrack_udp_timeout", value: 2 },
    { name: "net.netfilter.nf_conntrack_udp_timeout_stream", value: 60 },
    { name: "net.ipv4.conf.all.route_localnet", value: 1 },
  ]);
  assert.equal(oomScoreAdj, 0);
});

test("mode ipvs sets the kernel's IPVS as its version needs it", () => {
  const of = (kernel: HostFacts["kernel"], fields = "") =>
    hostPlanOf(read(`mode: ipvs\n${fields}`), { cpus: 1, kernel }).sysctls.map(({ name, value }) => `${name}=${value}`);
  const always = [
    "net.ipv4.vs.conntrack=1",
    "net.ipv4.vs.expire_nodest_conn=1",
    "net.ipv4.vs.expire_quiescent_template=1",
    "net.ipv4.ip_forward=1",
  ];
  const reuse = "net.ipv4.vs.conn_reuse_mode=0";
  assert.deepEqual(of({ major: 6, minor: 1 }).slice(-4), always);
  for (const [major, minor, set] of [
    [4, 0, false],
    [4, 1, true],
    [5, 8, true],
    [5, 9, false],
  ] as const) {
    assert.equal(of({ major, minor }).includes(reuse), set, `${major}.${minor}`);
  }
  assert.deepEqual(of({ major: 6, minor: 1 }, "ipvs: {strictARP: true}").slice(-2), [
    "net.ipv4.conf.all.arp_ignore=1",
    "net.ipv4.conf.all.arp_announce=2",
  ]);
});

test("fields that do nothing are named, each with the reason", () => {
  const kernel = { kernel: true };
  assert.deepEqual(configNotes(read(""), { kernel: false }), []);
  assert.deepEqual(configNotes(read("clientConnection: {kubeconfig: k}\nconfigSyncPeriod: 1m"), kernel), [
    "clientConnection, configSyncPeriod: not used, since no API server is asked",
  ]);
  assert.deepEqual(configNotes(read("featureGates: {NFTablesProxyMode: true, KubeletInUserNamespace: true}"), kernel), [
    "featureGates.KubeletInUserNamespace: not a gate of this proxy",
  ]);
  assert.deepEqual(configNotes(read("mode: userspace\nclusterCIDR: 10.0.0.0/8"), kernel), [
    "clusterCIDR: not used in mode userspace",
  ]);
  assert.deepEqual(
    configNotes(read("mode: ipvs\nclusterCIDR: 10.0.0.0/8\nipvs: {strictARP: true}"), { kernel: false }),
    ["clusterCIDR, ipvs.strictARP: not used, since the kernel forwards nothing here"],
  );
  assert.deepEqual(configNotes(read("conntrack: {min: 1}\noomScoreAdj: 0"), { kernel: false }), [
    "conntrack.min, oomScoreAdj: not used, since the kernel forwards nothing here",
  ]);
  assert.deepEqual(configNotes(read("conntrack: {min: 1}\noomScoreAdj: 0"), kernel), []);
});
