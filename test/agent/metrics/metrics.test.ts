import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { readConfig } from "../../../src/agent/config/read.ts";
import { type AgentMetrics, createAgentMetrics } from "../../../src/agent/metrics/agent-metrics.ts";
import { metricsAnswers } from "../../../src/agent/metrics/answers.ts";
import { countRules, countWithoutLocalEndpoints } from "../../../src/agent/metrics/counts.ts";
import { kubeProxyMetrics } from "../../../src/agent/metrics/kube-proxy-metrics.ts";
import { snapshotChanges } from "../../../src/agent/metrics/snapshot-changes.ts";
import { emptySnapshot, snapshotOf } from "../../../src/cluster/state.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { buildModel, createModelBuilder } from "../../../src/model/build.ts";
import { compileIptables, createIptablesCompiler } from "../../../src/modes/iptables/compile.ts";
import { resolveIptablesOptions } from "../../../src/modes/iptables/options.ts";
import { node, service, slice } from "../../support/objects.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { readScenario } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

const test = suite("metrics");

const golden = (...parts: string[]): string => inProject("test", "golden", "kube-proxy", ...parts);

interface NamedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

function recordedMetrics(mode: "iptables" | "nftables"): readonly NamedMetric[] {
  return JSON.parse(readFileSync(golden(`metrics-names.${mode}.json`), "utf8")) as readonly NamedMetric[];
}

/** What a text of Prometheus' format holds, the way the recorder wrote it down. */
function readExposition(text: string): readonly NamedMetric[] {
  const metrics: { name: string; type: string; help: string; labels: Set<string> }[] = [];
  for (const line of text.split("\n")) {
    const [, name = "", help = ""] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
    if (name !== "") metrics.push({ name, type: "", help, labels: new Set() });
    const last = metrics.at(-1);
    if (last === undefined) continue;
    const type = /^# TYPE \S+ (\w+)$/.exec(line)?.[1];
    if (type !== undefined) last.type = type;
    for (const [, label] of line.startsWith("#") ? [] : line.matchAll(/[{,](\w+)="/g)) {
      if (label !== "le") last.labels.add(label!);
    }
  }
  return metrics
    .map(({ name, type, help, labels }) => ({ name, type, help, labels: [...labels].toSorted() }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function value(text: string, series: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

const folder = golden("002-clusterip-tcp-2ep");
const { stages } = readScenario(folder);
const snapshot = stages[0]!.snapshot;
const model = buildModel(snapshot, "node-a");
const options = resolveIptablesOptions(readRecordedConfig(`${folder}/config.yaml`).iptables);
const rulesets = ([4, 6] as const).map((family) => compileIptables(model, family, options));

/** What happened to the kube-proxy of the recording before its metrics were read. */
function asRecorded(mode: "iptables" | "nftables"): AgentMetrics {
  const metrics = createAgentMetrics({
    mode,
    version: "1.2.3",
    clock: manualClock(1e12),
    nfacct: () => Promise.resolve(0),
  });
  metrics.changed(snapshotChanges(emptySnapshot, snapshot, 0));
  metrics.synced({ durationMs: 5, model, ...(mode === "iptables" ? { rulesets } : {}) });
  if (mode === "nftables") metrics.synced({ durationMs: 1, model, partial: true });
  metrics.healthAnswered("healthz", 200);
  metrics.healthAnswered("livez", 200);
  return metrics;
}

for (const mode of ["iptables", "nftables"] as const) {
  test(`${mode}: names, types, help texts and labels are those of the recording`, async () => {
    const own = /^(?:kubeproxy|process)_/;
    const ours = readExposition(await asRecorded(mode).exposition()).filter(({ name }) => own.test(name));
    const theirs = recordedMetrics(mode).filter(({ name }) => own.test(name));
    assert.equal(theirs.length, mode === "iptables" ? 24 : 21);
    assert.deepEqual(ours, theirs);
  });
}

test("what a kube-proxy has besides, we do not: Go's runtime, its API client, its build and its gates", () => {
  const foreign = (["iptables", "nftables"] as const)
    .flatMap(recordedMetrics)
    .map(({ name }) => name)
    .filter((name) => !/^(?:kubeproxy|process)_/.test(name));
  const groups = new Map<string, Set<string>>();
  for (const name of foreign) {
    const group = /^(?:go|rest_client|apiserver|aggregator|kubernetes)/.exec(name)?.[0] ?? name;
    groups.set(group, (groups.get(group) ?? new Set()).add(name));
  }
  const sizes = Object.fromEntries([...groups].map(([group, names]) => [group, names.size]));
  console.log(`not ours, by group: ${JSON.stringify(sizes)}`);
  assert.deepEqual(Object.keys(sizes).toSorted(), [
    "aggregator",
    "apiserver",
    "cardinality_enforcement_unexpected_categorizations_total",
    "disabled_metrics_total",
    "go",
    "hidden_metrics_total",
    "kubernetes",
    "registered_metrics_total",
    "rest_client",
  ]);
});

test("metrics that the recordings lack, since nothing had happened, are as kube-proxy's documentation has them", async () => {
  const ipFamily = ["ip_family"];
  const documented: readonly (readonly [mode: "iptables" | "ipvs" | "nftables" | "userspace", ...NamedMetric[]])[] = [
    [
      "iptables",
      histogram("conntrack_reconciler_sync_duration_seconds", "ReconcileConntrackFlowsLatency latency in seconds"),
      counter(
        "conntrack_reconciler_deleted_entries_total",
        "Cumulative conntrack flows deleted by conntrack reconciler",
      ),
      histogram("network_programming_duration_seconds", "In Cluster Network Programming Latency in seconds"),
      counter("sync_proxy_rules_iptables_restore_failures_total", "Cumulative proxy iptables restore failures"),
      counter(
        "sync_proxy_rules_iptables_partial_restore_failures_total",
        "Cumulative proxy iptables partial restore failures",
      ),
      histogram("sync_partial_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds for partial resyncs"),
    ],
    ["nftables", counter("sync_proxy_rules_nftables_sync_failures_total", "Cumulative proxy nftables sync failures")],
    ["ipvs", counter("sync_proxy_rules_iptables_restore_failures_total", "Cumulative proxy iptables restore failures")],
  ];
  function counter(name: string, help: string): NamedMetric {
    return { name: `kubeproxy_${name}`, type: "counter", help: `[ALPHA] ${help}`, labels: ipFamily };
  }
  function histogram(name: string, help: string): NamedMetric {
    return { ...counter(name, help), type: "histogram" };
  }
  for (const [mode, ...expected] of documented) {
    const metrics = createAgentMetrics({ mode, version: "1", clock: manualClock(1e12) });
    metrics.changed({ services: 0, endpoints: 1, triggeredMs: { 4: [1e12 - 1500], 6: [] } });
    metrics.syncFailed({ durationMs: 1, partial: true });
    metrics.synced({ durationMs: 1, model });
    metrics.conntrackReconciled(4, 3, 2);
    const ours = readExposition(await metrics.exposition());
    for (const one of expected)
      assert.deepEqual(
        ours.find(({ name }) => name === one.name),
        one,
      );
  }
});

test("a mode has no metrics of another mode", async () => {
  const names = (mode: "userspace" | "ipvs" | "iptables" | "nftables"): readonly string[] => {
    const registry = new Registry();
    kubeProxyMetrics(registry, mode);
    return registry.getMetricsAsArray().map(({ name }) => name.replace("kubeproxy_", ""));
  };
  assert.equal(names("userspace").length, 11);
  assert.deepEqual(
    names("ipvs").filter((name) => !names("userspace").includes(name)),
    [
      "sync_proxy_rules_iptables_restore_failures_total",
      "conntrack_reconciler_sync_duration_seconds",
      "conntrack_reconciler_deleted_entries_total",
    ],
  );
  assert.equal(names("iptables").filter((name) => /nftables/.test(name)).length, 0);
  assert.equal(names("nftables").filter((name) => /iptables/.test(name)).length, 0);
});

test("changes wait until a sync brings them into force; one that fails does not", async () => {
  const clock = manualClock(1_000_000);
  const metrics = createAgentMetrics({ mode: "nftables", version: "1", clock });
  metrics.changed({ services: 2, endpoints: 3, triggeredMs: { 4: [999_000, 998_500], 6: [] } });
  const pending = async (): Promise<readonly (number | undefined)[]> => {
    const text = await metrics.exposition();
    return ["service", "endpoint"].flatMap((what) => [
      value(text, `kubeproxy_sync_proxy_rules_${what}_changes_pending`),
      value(text, `kubeproxy_sync_proxy_rules_${what}_changes_total`),
    ]);
  };
  assert.deepEqual(await pending(), [2, 2, 3, 3]);
  clock.advance(500);
  metrics.syncFailed({ durationMs: 20 });
  metrics.changed({ services: 1, endpoints: 0, triggeredMs: { 4: [], 6: [] } });
  assert.deepEqual(await pending(), [3, 3, 3, 3]);
  clock.advance(1500);
  metrics.synced({ durationMs: 40, model });
  assert.deepEqual(await pending(), [0, 3, 0, 3]);
  const text = await metrics.exposition();
  const family = '{ip_family="IPv4"}';
  assert.equal(value(text, `kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds${family}`), 1000.5);
  assert.equal(value(text, `kubeproxy_sync_proxy_rules_last_timestamp_seconds${family}`), 1002);
  assert.equal(value(text, `kubeproxy_sync_proxy_rules_duration_seconds_count${family}`), 2);
  assert.equal(value(text, `kubeproxy_sync_proxy_rules_duration_seconds_sum${family}`), 0.06);
  assert.equal(value(text, `kubeproxy_sync_proxy_rules_nftables_sync_failures_total${family}`), 1);
  // 3 s and 3.5 s.
  assert.equal(value(text, `kubeproxy_network_programming_duration_seconds_sum${family}`), 6.5);
  assert.equal(value(text, `kubeproxy_network_programming_duration_seconds_bucket{le="3",ip_family="IPv4"}`), 1);
  assert.equal(value(text, 'sluice_syncs_total{result="failed"}'), 1);
  assert.equal(value(text, 'sluice_syncs_total{result="in_force"}'), 1);
  assert.equal(value(text, `sluice_service_ports${family}`), 1);
  assert.equal(value(text, `sluice_endpoints${family}`), 2);
});

test("the buckets of the histograms are kube-proxy's", async () => {
  const text = await asRecorded("iptables").exposition();
  const bounds = (name: string): readonly number[] =>
    [...text.matchAll(new RegExp(`^kubeproxy_${name}_bucket\\{le="([\\d.]+)",ip_family="IPv4"\\}`, "gm"))].map(
      ([, le]) => Number(le),
    );
  assert.deepEqual(
    bounds("sync_proxy_rules_duration_seconds"),
    [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384],
  );
});

for (const name of ["002-clusterip-tcp-2ep", "047-nodeport-basic"]) {
  test(`${name}: as many rules are counted as kube-proxy restored`, () => {
    const trace = readFileSync(golden(name, "expected", "00-initial.iptables.trace.txt"), "utf8");
    const scenario = buildModel(readScenario(golden(name)).stages[0]!.snapshot, "node-a");
    for (const [family, command] of [
      [4, "iptables-restore"],
      [6, "ip6tables-restore"],
    ] as const) {
      // The input of the last call: the first ones may have come before everything was known.
      const input = trace.split(/^\$ /m).findLast((call) => call.startsWith(`${command} `))!;
      const lines = (table: string): number =>
        new RegExp(`\\*${table}\\n([^*]*)COMMIT`)
          .exec(input)![1]!
          .split("\n")
          .filter((line) => line.trim().startsWith("-A")).length;
      const counted = countRules(
        compileIptables(
          scenario,
          family,
          resolveIptablesOptions(readRecordedConfig(golden(name, "config.yaml")).iptables),
        ),
      );
      assert.deepEqual(counted, { filter: lines("filter"), nat: lines("nat") }, `IPv${family}`);
    }
  });
}

test("after a partial sync the rules written last are those of what changed, and the total is that of all", async () => {
  const metrics = createAgentMetrics({ mode: "iptables", version: "1", clock: manualClock() });
  const build = createModelBuilder();
  const compile = createIptablesCompiler(4, resolveIptablesOptions({ nfacct: false }));
  const web = service({ name: "web" });
  const other = [
    service({ name: "other", clusterIP: "10.96.0.11" }),
    slice({ service: "other", endpoints: ["10.1.0.1"] }),
  ];
  const counts = async (endpoints: readonly string[], partial: boolean): Promise<readonly (number | undefined)[]> => {
    const own = endpoints.length === 0 ? [] : [web, slice({ endpoints })];
    const changed = build(snapshotOf([node(), ...own, ...other]), "node-a");
    metrics.synced({ durationMs: 1, partial, model: changed, rulesets: [compile(changed)] });
    const text = await metrics.exposition();
    return ["last", "total"].map((what) =>
      value(text, `kubeproxy_sync_proxy_rules_iptables_${what}{ip_family="IPv4",table="nat"}`),
    );
  };
  // Five rules of the masquerading and the node ports; a service port has one to it, one an endpoint, two of each endpoint.
  assert.deepEqual(await counts(["10.1.0.2"], false), [5 + 4 + 4, 13]);
  // Its own chain with two rules, and the new endpoint's with two; that of the first stays as it is.
  assert.deepEqual(await counts(["10.1.0.2", "10.1.0.3"], true), [2 + 2, 16]);
  assert.deepEqual(await counts(["10.1.0.2", "10.1.0.3"], true), [0, 16]);
  // The rules of KUBE-SERVICES are written anew, three chains go.
  assert.deepEqual(await counts([], true), [1 + 1 + 3, 9]);
  assert.deepEqual(await counts([], false), [9, 9]);
});

test("service ports whose policy wants endpoints here, and that have them elsewhere alone, are counted", () => {
  const count = (scenario: string, mode: "iptables" | "ipvs") => {
    const {
      stages: [first],
    } = readScenario(golden(scenario));
    return countWithoutLocalEndpoints(buildModel(first!.snapshot, "node-a").servicePorts[4], mode);
  };
  assert.deepEqual(count("103-itp-local-no-local", "iptables"), { internal: 1, external: 0 });
  assert.deepEqual(count("078-lb-etp-local-no-local", "iptables"), { internal: 0, external: 1 });
  assert.deepEqual(count("102-itp-local", "iptables"), { internal: 0, external: 0 });
  assert.deepEqual(count("101-etp-local-nodeport-no-endpoints", "iptables"), { internal: 0, external: 0 });
  assert.deepEqual(count("108-both-local-no-local", "ipvs"), { internal: 1, external: 1 });
});

test("two snapshots are compared object by object", () => {
  const [service] = snapshot.services;
  const [slice] = snapshot.endpointSlices;
  const at = (time: string) => ({
    ...slice!,
    metadata: { ...slice!.metadata, annotations: { "endpoints.kubernetes.io/last-change-trigger-time": time } },
  });
  const none = { 4: [], 6: [] };
  assert.deepEqual(snapshotChanges(snapshot, structuredClone(snapshot), 0), {
    services: 0,
    endpoints: 0,
    triggeredMs: none,
  });
  assert.deepEqual(snapshotChanges({ ...snapshot, services: [] }, snapshot, 0).services, snapshot.services.length);
  const gone = { ...snapshot, services: [], endpointSlices: [] };
  assert.deepEqual(snapshotChanges(snapshot, gone, 0), {
    services: snapshot.services.length,
    endpoints: snapshot.endpointSlices.length,
    triggeredMs: none,
  });
  const renamed = { ...snapshot, services: [{ ...service!, ingress: [{ ip: "1.2.3.4" }] }] };
  assert.equal(snapshotChanges({ ...snapshot, services: [service!] }, renamed, 0).services, 1);
  const changed = { ...emptySnapshot, endpointSlices: [at("2026-08-13T10:00:00Z")] };
  const ms = Date.UTC(2026, 7, 13, 10);
  assert.deepEqual(snapshotChanges(emptySnapshot, changed, ms).triggeredMs, { 4: [ms], 6: [] });
  assert.deepEqual(snapshotChanges(emptySnapshot, changed, ms + 1).triggeredMs, none);
  const unclear = { ...emptySnapshot, endpointSlices: [at("yesterday")] };
  assert.deepEqual(snapshotChanges(emptySnapshot, unclear, 0).triggeredMs, none);
});

const head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";

test("the server has kube-proxy's paths, for GET and HEAD", async () => {
  const config = readConfig(`${head}mode: ipvs\n`, "config.yaml");
  const metrics = createAgentMetrics({ mode: "ipvs", version: "1.2.3", clock: manualClock() });
  const answers = metricsAnswers({ config, metrics });
  const get = (path: string) => answers({ method: "GET", path });
  assert.deepEqual((await get("/healthz")).body, "ok");
  assert.deepEqual((await get("/proxyMode")).body, "ipvs");
  const { headers, body } = await get("/metrics");
  assert.equal(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8");
  assert.match(body, /^sluice_build_info\{version="1\.2\.3",node_version="v[\d.]+",mode="ipvs"\} 1$/m);
  for (const path of ["/metrics/slis", "/", "/debug/pprof/", "/flagz", "/statusz", "/toString"]) {
    assert.deepEqual([path, (await get(path)).status, (await get(path)).body], [path, 404, "404 page not found\n"]);
  }
  const post = await answers({ method: "POST", path: "/metrics" });
  assert.deepEqual([post.status, post.headers["Allow"]], [405, "GET, HEAD"]);
  assert.equal((await answers({ method: "HEAD", path: "/metrics" })).status, 200);
});

test("configz is the configuration in force, which reads as itself", async () => {
  const metrics = createAgentMetrics({ mode: "iptables", version: "1", clock: manualClock() });
  for (const mode of ["iptables", "userspace"]) {
    const config = readConfig(`${head}mode: ${mode}\nclusterCIDR: 10.0.0.0/8\n`, "config.yaml");
    const { headers, body } = await metricsAnswers({ config, metrics })({ method: "GET", path: "/configz" });
    assert.equal(headers["Content-Type"], "application/json");
    const { "kubeproxy.config.k8s.io": shown, ...others } = JSON.parse(body) as Record<string, object>;
    assert.deepEqual(others, {});
    assert.deepEqual(readConfig(JSON.stringify(shown), "config.json"), config);
    assert.equal("udpIdleTimeout" in shown!, mode === "userspace");
  }
});

test("registries share nothing", async () => {
  const [one, other] = ["1", "2"].map((version) => createAgentMetrics({ mode: "ipvs", version, clock: manualClock() }));
  one!.healthAnswered("healthz", 503);
  assert.equal(value(await one!.exposition(), 'kubeproxy_proxy_healthz_total{code="503"}'), 1);
  assert.equal(value(await other!.exposition(), 'kubeproxy_proxy_healthz_total{code="503"}'), undefined);
});

test("metrics of this process are there, and of its size", async () => {
  const text = await asRecorded("iptables").exposition();
  const rss = value(text, "process_resident_memory_bytes")!;
  assert.ok(rss > 10e6 && rss < value(text, "process_virtual_memory_bytes")!, `${rss}`);
  assert.ok(value(text, "process_open_fds")! > 2);
  assert.ok(value(text, "process_max_fds")! > value(text, "process_open_fds")!);
  assert.ok(value(text, "process_cpu_seconds_total")! > 0);
  assert.ok(value(text, "process_start_time_seconds")! > 1.6e9);
});

test("a counter of the kernel that cannot be read is left out", async () => {
  const metrics = createAgentMetrics({
    mode: "iptables",
    version: "1",
    clock: manualClock(),
    nfacct: (counter) => Promise.resolve(counter === "ct_state_invalid_dropped_pkts" ? 7 : undefined),
  });
  for (let scrape = 0; scrape < 2; scrape += 1) {
    const text = await metrics.exposition();
    assert.equal(value(text, "kubeproxy_iptables_ct_state_invalid_dropped_packets_total"), 7);
    assert.doesNotMatch(text, /localhost_nodeports/);
  }
});
